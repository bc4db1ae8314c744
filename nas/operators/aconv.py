"""AConv, the downsampling of GELAN-t and -s: the mean of 2 x 2 positions, then a strided convolution."""

from __future__ import annotations

from typing import Any

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register


class HalvingOperator(StockOperator):
    """A kind that halves its map, rounded down. Row arguments: [c2]."""

    example = (24,)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        height, width = grid
        if min(grid) < 2:
            raise ValueError(f"a map of {height} x {width} cannot be halved")
        return height // 2, width // 2


@register()
class AConvOperator(HalvingOperator):
    @staticmethod
    def costs(c1: int, c2: int, *, grid: Grid) -> list[Cost]:
        return [conv_cost(3, c1, c2, (grid[0] // 2, grid[1] // 2), stride=2)]
