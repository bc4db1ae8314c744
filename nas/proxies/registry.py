"""All proxies by name."""

from __future__ import annotations

from nas.proxies.base import Proxy
from nas.proxies.distill import Distilled
from nas.proxies.inherit import Inherited, NeckInherited
from nas.proxies.short import ShortTraining
from nas.proxies.zerocost import Vote

KINDS: tuple[type[Proxy], ...] = (ShortTraining, Inherited, NeckInherited, Distilled, *Vote.voters, Vote)

PROXIES: dict[str, type[Proxy]] = {kind.name: kind for kind in KINDS}
"""Proxies by the name that ``--proxy`` takes."""
