"""A2C2f, the stage of YOLO12: attention inside areas, in a residual aggregation of its maps.

Source: Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", 2025, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape, StockOperator, conv_cost
from nas.operators.c3k2 import c3k_costs
from nas.operators.psa import attention_cost
from nas.operators.registration import register

HEAD = 32
"""Channels of an attention head."""


def check_widths(c1: int, c2: int, a2: bool = True, residual: bool = False, e: float = 0.5) -> None:
    """Raise ValueError if an A2C2f of these arguments cannot be built."""
    hidden = int(c2 * e)
    if a2 and hidden % HEAD:
        raise ValueError(f"A2C2f: the width inside, {hidden}, must be a multiple of {HEAD}")
    if a2 and residual and c1 != c2:
        raise ValueError(f"A2C2f: the residual form keeps its channels: {c1} in, {c2} out")


@register()
class A2C2fOperator(StockOperator):
    """Row arguments: [c2, a2=True, area=1, residual=False, mlp_ratio=2.0, e=0.5, g=1, shortcut=True]."""

    example = (64, True, 4)
    depth_argument = 2

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        call = super().resolve(inputs, repeats, args)
        c1, c2, _, a2, area, residual, _, e, _, _ = self.filled(call.arguments)
        check_widths(c1, c2, a2, residual, e)
        _, height, width = inputs[0]
        if a2 and (area < 1 or height * width % area):
            raise ValueError(f"A2C2f: {area} areas must divide the {height} x {width} positions")
        return call

    @staticmethod
    def costs(
        c1: int,
        c2: int,
        n: int = 1,
        a2: bool = True,
        area: int = 1,
        residual: bool = False,
        mlp_ratio: float = 2.0,
        e: float = 0.5,
        g: int = 1,
        shortcut: bool = True,
        *,
        grid: Grid,
    ) -> list[Cost]:
        hidden = int(c2 * e)
        part = _block_costs(hidden, mlp_ratio, area, grid) * 2 if a2 else c3k_costs(hidden, hidden, 2, grid, g)
        gamma = [Cost(c2, 0, 0, 4 * c2)] if a2 and residual else []
        return [conv_cost(1, c1, hidden, grid), conv_cost(1, (1 + n) * hidden, c2, grid), *part * n, *gamma]


def _block_costs(d: int, ratio: float, area: int, grid: Grid) -> list[Cost]:
    """Convolutions and matrix products of an `ABlock` with heads of `HEAD` channels."""
    hidden = int(d * ratio)
    return [
        conv_cost(1, d, 3 * d, grid),
        conv_cost(1, d, d, grid),
        conv_cost(7, d, d, grid, d),
        conv_cost(1, d, hidden, grid),
        conv_cost(1, hidden, d, grid),
        attention_cost(d // HEAD, HEAD, HEAD, grid[0] * grid[1], area),
    ]
