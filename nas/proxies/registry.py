"""Registry of the proxies: facts about each one, and its class by import string.

Importing this module does not import torch.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.errors import ConfigError
from nas.proxies.rungs import AP_UNIT

if TYPE_CHECKING:
    from nas.proxies.base import Proxy

UNTRAINED_UNIT = "score (untrained)"


@dataclass(frozen=True)
class ProxyInfo:
    """Facts about a proxy that are known without importing it.

    Attributes:
        import_string: ``module:Class`` of its `nas.proxies.base.Proxy`.
        summary: One line for a person who chooses a proxy.
        unit: Unit of its scores.
        trains: True if every candidate is trained.
        steps: Default number of training steps, of a candidate or of what candidates share; None if there are none.
        uses_template: True if it starts from a trained template, and so accepts pretrained weights.
        detects: True if candidates detect objects, so that scores of several image sizes are comparable.
    """

    import_string: str
    summary: str
    unit: str = AP_UNIT
    trains: bool = True
    steps: int | None = None
    uses_template: bool = False
    detects: bool = True


PROXIES: dict[str, ProxyInfo] = {
    "short": ProxyInfo(
        "nas.proxies.short:ShortTraining",
        "trains each candidate briefly from scratch",
        steps=120,
    ),
    "inherit": ProxyInfo(
        "nas.proxies.inherit:Inherited",
        "starts from a trained template: each candidate inherits the rows that it shares with the template",
        steps=60,
        uses_template=True,
    ),
    "neck": ProxyInfo(
        "nas.proxies.inherit:NeckInherited",
        "starts from a trained template: each candidate inherits neck and head; its backbone starts from scratch",
        steps=60,
        uses_template=True,
    ),
    "distill": ProxyInfo(
        "nas.proxies.distill:Distilled",
        "predicts accuracy from how well each stage reproduces that of a trained template",
        unit="AP50-95 (predicted)",
        trains=False,
        uses_template=True,
        detects=False,
    ),
    "supernet": ProxyInfo(
        "nas.supernet.proxy:SupernetProxy",
        "trains one network of all candidates first; each candidate takes its weights from there",
        unit="AP50-95 (supernet)",
        trains=False,
        steps=240,
        uses_template=True,
    ),
    "zerocost": ProxyInfo(
        "nas.proxies.zerocost:ZeroCostVote",
        "trains nothing: a vote of size and of activations and gradients at initialization",
        unit=UNTRAINED_UNIT,
        trains=False,
        detects=False,
    ),
}
"""Proxies by name. A proxy of your own is one more entry; tests/proxies/test_conformance.py is its contract."""


def proxy_class(name: str) -> type[Proxy]:
    """The class of a proxy. Imports torch.

    Args:
        name: A key of `PROXIES`.

    Raises:
        ConfigError: There is no such proxy.
    """
    if name not in PROXIES:
        raise ConfigError("no such proxy", field="proxy", value=name, hint=f"known are {', '.join(PROXIES)}")
    module, _, attribute = PROXIES[name].import_string.partition(":")
    found: type[Proxy] = getattr(importlib.import_module(module), attribute)
    return found


def score_unit(name: str) -> str:
    """The unit of a proxy's scores. Runs of earlier versions name proxies that left the registry; none trained."""
    return PROXIES[name].unit if name in PROXIES else UNTRAINED_UNIT
