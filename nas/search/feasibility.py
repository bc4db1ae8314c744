"""Feasibility of limits: members of the space are priced before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from nas.errors import ConfigError
from nas.latency.table import LatencyTable
from nas.objectives.costs import COSTS, LATENCY, readable
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.plurals import counted
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space

SAMPLED = 100
"""Random members that are priced."""
HOPELESS = 2.0
"""A limit is refused early if the smallest and a few other members take this many times as long."""
BY_ROWS = tuple(name for name in COSTS if name not in LATENCY)
"""Costs that need no latency table."""


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
                    f"{self.within[name]:.0%} of {SAMPLED} random models meet the limit on {COSTS[name].heading}, "
                    f"{readable(name, limit)}. They range from {readable(name, least)} to {readable(name, most)}, "
                    f"median {readable(name, middle)}."
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
    priced = [target.costs(member) for member in sampled_members(space)]
    columns = {name: [costs[name] for costs in priced] for name in asdict(limits)}
    for name in limits.names:
        _refuse(space, limits, name, columns[name], f"the smallest and {SAMPLED} random models")
    violations = [limits.violations(costs) for costs in priced[1:]]
    within = {name: sum(own[name] <= 0 for own in violations) / SAMPLED for name in limits.names}
    within["all"] = sum(map(limits.met_by, priced[1:])) / SAMPLED
    return Feasibility(columns, limits, within)


def check_early(space: Space, target: Target, limits: Limits) -> None:
    """Check the limits as far as that needs no measurement.

    Args:
        space: The search space.
        target: The deployment target. The limit on latency is checked if its table predicts the members.
        limits: Limits on costs.

    Raises:
        ConfigError: None of the smallest member and `SAMPLED` random ones meets a limit.
    """
    if not limits.names:
        return
    members = sampled_members(space)
    if "latency" in limits.names and predicts(target, members):
        names, pricing = limits.names, target.costs
    else:
        names, pricing = [name for name in limits.names if name in BY_ROWS], target.costs_by_rows
    priced = [pricing(member) for member in members] if names else []
    for name in names:
        _refuse(space, limits, name, [costs[name] for costs in priced], f"the smallest and {SAMPLED} random models")


def check_hopeless(space: Space, target: Target, limits: Limits, members: Sequence[Architecture]) -> None:
    """Refuse a limit on latency that a few members exceed by far, before the rest of the table is measured.

    Args:
        space: The search space.
        target: The deployment target.
        limits: Limits on costs.
        members: The smallest member and some others; the table predicts them.

    Raises:
        ConfigError: All of them take more than `HOPELESS` times the limit.
    """
    if limits.latency is not None:
        found = [target.costs(member)["latency"] for member in members]
        if min(found) > HOPELESS * limits.latency:
            _refuse(space, limits, "latency", found, f"the smallest and {counted(len(found) - 1, 'other model')}")


def predicts(target: Target, members: Iterable[Architecture]) -> bool:
    """Return True if a table of measured rows predicts members without a measurement."""
    table = target.table
    if not (isinstance(table, LatencyTable) and all(map(table.calibrated, target.sizes))):
        return False
    return not any(table.missing(target.detector(member).resolve(target.imgsz(member))) for member in members)


def sampled_members(space: Space) -> Sequence[Architecture]:
    """The smallest member of a space and `SAMPLED` random ones, always the same."""
    import numpy as np

    random = np.random.default_rng(0)
    return [space.smallest(), *(space.random(random) for _ in range(SAMPLED))]


def _refuse(space: Space, limits: Limits, name: str, costs: Sequence[float], members: str) -> None:
    """Raise ConfigError if all costs exceed the limit of a name."""
    limit = asdict(limits)[name]
    if min(costs) > limit:
        problem = (
            f"no model of the space {space.name} was found that meets it; the least of {members} is "
            f"{readable(name, min(costs))}"
        )
        hint = "raise it, choose a smaller `imgsz`, or give a space with smaller models"
        raise ConfigError(problem, field=f"max_{name}", value=f"{limit:.10g}", hint=hint)
