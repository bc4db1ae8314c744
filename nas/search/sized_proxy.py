"""The proxy of a search, at the image size that its data needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nas.config import SearchConfig
from nas.progress import Reporter
from nas.proxies.base import Proxy
from nas.proxies.image_size import CELL, choose_imgsz, object_side
from nas.proxies.registry import proxy_class


def sized_proxy(config: SearchConfig, options: dict[str, Any], reporter: Reporter) -> tuple[Proxy, dict[str, Any]]:
    """Create the proxy and load its data set.

    Args:
        config: Options of the search.
        options: Arguments of the proxy, but for its data and image size.
        reporter: Receives a line about an unusual size.

    Returns:
        The proxy, and the arguments that it was made with.

    Raises:
        DataError: The data set cannot be used.
    """
    kind = proxy_class(config.proxy)
    recipe = options.get("recipe", kind.recipe)
    if config.proxy == "supernet":  # scores at the deployment size
        return kind(config.data, **options), options
    if config.proxy_imgsz is not None:
        options = options | {"recipe": replace(recipe, imgsz=config.proxy_imgsz)}
        return kind(config.data, **options), options
    proxy = kind(config.data, **options)
    side = object_side(proxy.dataset)
    imgsz = choose_imgsz(side, config.imgsz[0])
    if imgsz == recipe.imgsz:
        return proxy, options
    reporter.say(_reason(side, imgsz, recipe.imgsz))
    options = options | {"recipe": replace(recipe, imgsz=imgsz)}
    return kind(proxy.dataset.origin, **options), options


def _reason(side: float, imgsz: int, usual: int) -> str:
    """The chosen size and the reason for it."""
    reason = f"the median object is {side * usual:.1f} px wide at the usual {usual} px and {side * imgsz:.1f} px now"
    fits = "covers" if side * imgsz >= CELL else "comes nearer to"
    longer = (imgsz / usual) ** 2
    return (
        f"candidates train at {imgsz} px: {reason}, and so {fits} a cell of the finest grid ({CELL} px). A training "
        f"takes about {longer:.0f} times as long; --proxy-imgsz sets another size"
    )
