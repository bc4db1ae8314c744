"""Accuracy proxies: what scores a candidate quickly."""

from __future__ import annotations

from nas.proxies._base import Outcome, Progress, Proxy, ProxyError
from nas.proxies.inherit import Inherited
from nas.proxies.recipe import Recipe
from nas.proxies.short import ShortTraining

PROXIES: dict[str, type[Proxy]] = {proxy.name: proxy for proxy in (ShortTraining, Inherited)}
"""Proxies by the name that ``--proxy`` takes."""

__all__ = ["PROXIES", "Inherited", "Outcome", "Progress", "Proxy", "ProxyError", "Recipe", "ShortTraining"]
