"""C1, a stage of Ultralytics: a 1x1 convolution, then a chain of 3x3 convolutions with a shortcut round them."""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register


@register()
class C1Operator(StockOperator):
    """Row arguments: [c2]."""

    example = (24,)
    depth_argument = 2

    @staticmethod
    def costs(c1: int, c2: int, n: int = 1, *, grid: Grid) -> list[Cost]:
        return [conv_cost(1, c1, c2, grid), *[conv_cost(3, c2, c2, grid)] * n]
