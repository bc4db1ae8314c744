"""Limits on costs, checked before a candidate is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limits:
    """Upper limits on costs; None means no limit.

    Attributes:
        latency: Predicted latency of one image, in ms.
        params: Number of parameters.
        macs: Multiply-adds at the deployment size.
        size: Bytes of the deployed weights.
    """

    latency: float | None = None
    params: int | None = None
    macs: int | None = None
    size: int | None = None

    @property
    def names(self) -> list[str]:
        """Names of the costs that have a limit."""
        return [name for name, limit in asdict(self).items() if limit is not None]

    def violations(self, costs: Mapping[str, float]) -> dict[str, float]:
        """Relative excess over each limit by name. Positive values violate the limit, as in Optuna's constraints."""
        return {name: costs[name] / getattr(self, name) - 1 for name in self.names}

    def met_by(self, costs: Mapping[str, float]) -> bool:
        """Return True if no cost exceeds its limit."""
        return all(excess <= 0 for excess in self.violations(costs).values())
