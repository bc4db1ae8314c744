"""Hard budgets, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limits:
    """The most that a candidate may take; None is no limit.

    Latency in ms, predicted; MACs at the deployment size; size in bytes of the deployed weights.
    """

    latency: float | None = None
    params: int | None = None
    macs: int | None = None
    size: int | None = None

    @property
    def names(self) -> list[str]:
        """Which costs are limited."""
        return [name for name, limit in asdict(self).items() if limit is not None]

    def violations(self, costs: Mapping[str, float]) -> dict[str, float]:
        """By name, how far each limited cost lies over its limit as a share of it: positive is over, as in Optuna."""
        return {name: costs[name] / getattr(self, name) - 1 for name in self.names}

    def kept_by(self, costs: Mapping[str, float]) -> bool:
        """Whether nothing lies over its limit."""
        return all(share <= 0 for share in self.violations(costs).values())
