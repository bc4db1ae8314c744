"""Whether a space can meet its budgets at all, told before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from nas.errors import InputError
from nas.objectives.costs import readable
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.spaces.space import Space

SAMPLED = 100


@dataclass(frozen=True)
class Reach:
    """What members of a space cost, as in `Limits`: the smallest one and ``SAMPLED`` random ones.

    ``within`` is the share of the random ones that keep the limit, or every limit under the name "all".
    """

    costs: Mapping[str, list[float]]
    limits: Limits
    within: Mapping[str, float]

    def lines(self) -> list[str]:
        """A line a limit, and one for all of them where there are several."""
        told = []
        for name, limit in asdict(self.limits).items():
            if limit is not None:
                least, middle, most = (f(self.costs[name]) for f in (min, median, max))
                told.append(
                    f"--max-{name} {limit:.10g} is kept by {self.within[name]:.0%} of {SAMPLED} random members: "
                    f"{readable(name, least)} to {readable(name, most)}, median {readable(name, middle)}"
                )
        return told if len(told) < 2 else [*told, f"all of these are kept by {self.within['all']:.0%}"]


def reach(space: Space, target: Target, limits: Limits) -> Reach:
    """Look at random members, always the same ones, and the smallest; raises InputError for a limit that none keeps."""
    random = np.random.default_rng(0)
    members = [space.smallest(), *(space.random(random) for _ in range(SAMPLED))]
    found = [target.costs(member) for member in members]
    columns = {name: [of_member[name] for of_member in found] for name in asdict(limits)}
    for name, limit in asdict(limits).items():
        if limit is not None and min(columns[name]) > limit:
            least = readable(name, min(columns[name]))
            raise InputError(
                f"--max-{name} {limit:.10g}: no member of the space {space.name} was found that keeps it; the least of "
                f"{SAMPLED} random ones and the smallest is {least}: raise it, or give a space that reaches lower"
            )
    over = [limits.violations(of_member) for of_member in found[1:]]
    within = {name: sum(of[name] <= 0 for of in over) / SAMPLED for name in over[0]}
    within["all"] = sum(map(limits.kept_by, found[1:])) / SAMPLED
    return Reach(columns, limits, within)
