"""Fidelities: the same score at a higher cost."""

from __future__ import annotations

import copy
from dataclasses import replace

from nas.data import load_test
from nas.proxies._base import Proxy
from nas.proxies.short import ShortTraining

RUNGS = 3
"""How many there are; the first is the proxy itself."""
UNIT = Proxy.unit
"""What the scores of all rungs above the first are in."""
FACTOR = 2
"""A rung trains so many times as long as the one below it."""


def at(proxy: Proxy, rung: int) -> Proxy:
    """The proxy of a rung, counted from 1: trained longer, and on the last rung scored on the test split too.

    A proxy that does not train hands over to short training: what it thinks of a candidate is then put to the test.
    """
    if rung == 1:
        return proxy
    recipe = proxy.recipe if proxy.trains else replace(ShortTraining.recipe, imgsz=proxy.recipe.imgsz)
    recipe = replace(recipe, steps=recipe.steps * FACTOR ** (rung - 1))
    if proxy.trains:
        longer = copy.copy(proxy)
        longer.recipe = recipe
        longer.__dict__.pop("fingerprint", None)  # of the rung below
    else:
        longer = ShortTraining(proxy.dataset, proxy.folder, space=proxy.space, recipe=recipe, device=proxy.device)
    if rung == RUNGS:
        longer.test = load_test(proxy.dataset.name, recipe.imgsz)
    return longer
