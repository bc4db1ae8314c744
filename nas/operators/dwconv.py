"""Depthwise convolution, batch norm and SiLU."""

from __future__ import annotations

import math
from typing import Any

from nas.operators.base import Cost, Grid, Size, StockOperator, conv_cost, conv_grid
from nas.operators.registration import register


@register()
class DWConvOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, d=1, act=True]."""

    example = (24, 3, 2)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        _, _, k, s, d, _ = arguments
        return conv_grid(grid, k, s, None, d)

    @staticmethod
    def costs(c1: int, c2: int, k: Size = 1, s: Size = 1, d: Size = 1, act: bool = True, *, grid: Grid) -> list[Cost]:
        return [conv_cost(k, c1, c2, conv_grid(grid, k, s, None, d), math.gcd(c1, c2), stride=s)]
