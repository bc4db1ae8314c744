"""Single zero-cost scores as proxies: they exist to be compared with others, not to search with."""

from __future__ import annotations

from nas.proxies.base import Proxy
from nas.proxies.registry import PROXIES, proxy_class
from nas.proxies.zerocost import ZeroCost
from nas.proxies.zerocost_scores import ZERO_COST_SCORES, Probe


class SingleScore(ZeroCost):
    """One of the scores of which `nas.proxies.zerocost.ZeroCostVote` is the vote."""

    def measure(self, probe: Probe) -> float:
        return ZERO_COST_SCORES[self.name](probe)


class Params(SingleScore):
    name = "params"


class Macs(SingleScore):
    name = "macs"


class Nwot(SingleScore):
    name = "nwot"


class SynFlow(SingleScore):
    name = "synflow"


class GradNorm(SingleScore):
    name = "gradnorm"


class ZiCo(SingleScore):
    name = "zico"


SINGLE_SCORES: dict[str, type[Proxy]] = {kind.name: kind for kind in (Params, Macs, Nwot, SynFlow, GradNorm, ZiCo)}

COMPARED = (*(name for name in PROXIES if name != "zerocost"), *SINGLE_SCORES, "zerocost")
"""Names of all scores that this experiment compares."""


def compared_class(name: str) -> type[Proxy]:
    """The class of a score by its name."""
    return SINGLE_SCORES[name] if name in SINGLE_SCORES else proxy_class(name)
