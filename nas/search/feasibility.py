"""Feasibility of limits: sampled members of the space are priced before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from nas.errors import ConfigError
from nas.objectives.costs import readable
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.spaces.space import Space

SAMPLED = 100
"""Random members that are priced."""


@dataclass(frozen=True)
class Feasibility:
    """Costs of members of a space, and the share of them within the limits.

    Attributes:
        costs: By name of a cost, those of the smallest member and of `SAMPLED` random ones.
        limits: The limits.
        within: Share of the random members within each limit by name, and within all limits under "all".
    """

    costs: Mapping[str, list[float]]
    limits: Limits
    within: Mapping[str, float]

    def lines(self) -> list[str]:
        """A line for each limit in words, and one for all of them where there are several."""
        lines = []
        for name, limit in asdict(self.limits).items():
            if limit is not None:
                least, middle, most = (f(self.costs[name]) for f in (min, median, max))
                lines.append(
                    f"{self.within[name]:.0%} of {SAMPLED} random models meet max {name} {limit:.10g}. They range from "
                    f"{readable(name, least)} to {readable(name, most)}, median {readable(name, middle)}."
                )
        return lines if len(lines) < 2 else [*lines, f"{self.within['all']:.0%} meet all limits."]


def check_feasibility(space: Space, target: Target, limits: Limits) -> Feasibility:
    """Price the smallest member and random members, always the same ones.

    Args:
        space: The search space.
        target: The deployment target.
        limits: Limits on costs.

    Raises:
        ConfigError: None of these members meets a limit.
    """
    random = np.random.default_rng(0)
    members = [space.smallest(), *(space.random(random) for _ in range(SAMPLED))]
    priced = [target.costs(member) for member in members]
    columns = {name: [costs[name] for costs in priced] for name in asdict(limits)}
    for name, limit in asdict(limits).items():
        if limit is not None and min(columns[name]) > limit:
            problem = (
                f"no model of the space {space.name} was found that meets it; the least of {SAMPLED} random models and "
                f"the smallest is {readable(name, min(columns[name]))}"
            )
            hint = "raise it, choose a smaller `imgsz`, or give a space with smaller models"
            raise ConfigError(problem, field=f"max_{name}", value=f"{limit:.10g}", hint=hint)
    violations = [limits.violations(costs) for costs in priced[1:]]
    within = {name: sum(own[name] <= 0 for own in violations) / SAMPLED for name in limits.names}
    within["all"] = sum(map(limits.met_by, priced[1:])) / SAMPLED
    return Feasibility(columns, limits, within)
