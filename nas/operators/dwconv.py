"""Depthwise convolution, batch norm and SiLU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape, StockOperator, conv_cost, conv_grid
from nas.operators.registration import register


@register()
class DWConvOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, d=1, act=True]."""

    example = (24, 3, 2)
    stride_argument = 2

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        call = super().resolve(inputs, repeats, args)
        _, _, k, s, d, _ = self.filled(call.arguments)
        return call._replace(output=(call.output[0], *_output(inputs[0][1:], k, s, d)))

    @staticmethod
    def costs(c1: int, c2: int, k: int = 1, s: int = 1, d: int = 1, act: bool = True, *, grid: Grid) -> list[Cost]:
        return [conv_cost(k, c1, c2, _output(grid, k, s, d), math.gcd(c1, c2), stride=s)]


def _output(grid: Grid, k: int, s: int, d: int) -> Grid:
    dilated = d * (k - 1) + 1
    return conv_grid(grid, dilated, s, dilated // 2)
