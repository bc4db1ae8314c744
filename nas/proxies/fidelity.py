"""Fidelity of a proxy: training length and image size."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

from nas.data.loading import load, load_test
from nas.proxies.base import Proxy
from nas.proxies.recipe import Recipe
from nas.proxies.rungs import FACTOR, RUNGS
from nas.proxies.short import ShortTraining


def with_fidelity(proxy: Proxy, rung: int, scale: float = 1.0) -> Proxy:
    """The proxy for a rung and an image scale.

    On a rung above the first, a proxy that does not train is replaced by short training: training checks what the
    proxy predicted. On the last rung, candidates are also scored on the test split, if the data set has one.

    Args:
        proxy: The proxy of the first rung at scale 1.
        rung: The rung, from 1 to `RUNGS`. Each rung trains `FACTOR` times as long as the one below.
        scale: Size of the image content, relative to the proxy's own images. The content is padded to the next
            multiple of 32 pixels.

    Returns:
        The proxy itself for rung 1 and scale 1, otherwise another one.
    """
    content = round(proxy.recipe.imgsz * scale)
    if content != proxy.recipe.imgsz:
        proxy = _with_image_content(proxy, content)
    if rung == 1:
        return proxy
    recipe = proxy.recipe if proxy.trains else replace(ShortTraining.recipe, imgsz=proxy.recipe.imgsz)
    recipe = replace(recipe, steps=recipe.steps * FACTOR ** (rung - 1))
    if proxy.trains:
        longer = _with_recipe(proxy, recipe)
    else:
        longer = ShortTraining(proxy.dataset, proxy.folder, space=proxy.space, recipe=recipe, device=proxy.device)
    if rung == RUNGS:
        longer.test_split = load_test(proxy.dataset.origin, recipe.imgsz, content=content)
    return longer


def _with_image_content(proxy: Proxy, content: int) -> Proxy:
    """A copy whose images hold ``content`` pixels a side, padded to a multiple of 32."""
    side = math.ceil(content / 32) * 32
    other = _with_recipe(proxy, replace(proxy.recipe, imgsz=side))
    other.dataset = load(proxy.dataset.origin, side, content=content)
    return other


def _with_recipe(proxy: Proxy, recipe: Recipe) -> Proxy:
    """A copy with another recipe."""
    other = copy.copy(proxy)
    other.recipe = recipe
    other.__dict__.pop("fingerprint", None)  # a cached property of the old recipe
    return other
