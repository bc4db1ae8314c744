"""Fidelities: the same score at a higher cost, or on larger images."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

from nas.data.loading import load, load_test
from nas.proxies.base import Proxy
from nas.proxies.recipe import Recipe
from nas.proxies.short import ShortTraining

RUNGS = 3
"""How many there are; the first is the proxy itself."""
UNIT = Proxy.unit
"""What the scores of all rungs above the first are in."""
FACTOR = 2
"""A rung trains so many times as long as the one below it."""


def at(proxy: Proxy, rung: int, scale: float = 1.0) -> Proxy:
    """The proxy of a rung, counted from 1: trained longer, and on the last rung scored on the test split too; on images
    ``scale`` times as large as its own, in the middle of what the next multiple of 32 pixels holds.

    A proxy that does not train hands over to short training: what it thinks of a candidate is then put to the test.
    """
    content = round(proxy.recipe.imgsz * scale)
    if content != proxy.recipe.imgsz:
        proxy = _on_images_of(proxy, content)
    if rung == 1:
        return proxy
    recipe = proxy.recipe if proxy.trains else replace(ShortTraining.recipe, imgsz=proxy.recipe.imgsz)
    recipe = replace(recipe, steps=recipe.steps * FACTOR ** (rung - 1))
    if proxy.trains:
        longer = _with(proxy, recipe)
    else:
        longer = ShortTraining(proxy.dataset, proxy.folder, space=proxy.space, recipe=recipe, device=proxy.device)
    if rung == RUNGS:
        longer.test = load_test(proxy.dataset.name, recipe.imgsz, content=content)
    return longer


def _on_images_of(proxy: Proxy, content: int) -> Proxy:
    """The same on images of so many pixels."""
    side = math.ceil(content / 32) * 32
    other = _with(proxy, replace(proxy.recipe, imgsz=side))
    other.dataset = load(proxy.dataset.name, side, content=content)
    return other


def _with(proxy: Proxy, recipe: Recipe) -> Proxy:
    """The same by another recipe."""
    other = copy.copy(proxy)
    other.recipe = recipe
    other.__dict__.pop("fingerprint", None)  # of the recipe that it had
    return other
