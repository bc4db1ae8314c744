"""Accuracy proxies: what scores a candidate quickly."""

from __future__ import annotations

from nas.proxies._base import Outcome, Progress, Proxy, ProxyError
from nas.proxies.distill import Distilled
from nas.proxies.inherit import Inherited, NeckInherited
from nas.proxies.recipe import Recipe
from nas.proxies.rungs import FACTOR, RUNGS, UNIT, at
from nas.proxies.score import viewed
from nas.proxies.short import ShortTraining
from nas.proxies.template import FromTemplate
from nas.proxies.zerocost import Vote, ZeroCost

KINDS: tuple[type[Proxy], ...] = (ShortTraining, Inherited, NeckInherited, Distilled, *Vote.voters, Vote)

PROXIES: dict[str, type[Proxy]] = {kind.name: kind for kind in KINDS}
"""Proxies by the name that ``--proxy`` takes."""

__all__ = [
    "FACTOR",
    "PROXIES",
    "RUNGS",
    "UNIT",
    "Distilled",
    "FromTemplate",
    "Inherited",
    "NeckInherited",
    "Outcome",
    "Progress",
    "Proxy",
    "ProxyError",
    "Recipe",
    "ShortTraining",
    "ZeroCost",
    "at",
    "viewed",
]
