"""Focus, the stem of YOLOv5 until version 6: every second cell in both directions, as four maps, then a convolution."""

from __future__ import annotations

from typing import Any

from nas.operators.base import Cost, Grid, Size, StockOperator, conv_cost, conv_grid
from nas.operators.registration import register


@register()
class FocusOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, p=None, g=1, act=True]."""

    example = (24, 3)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        _, _, k, s, p, _, _ = arguments
        return _grid(grid, k, s, p)

    @staticmethod
    def costs(
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        p: Size | None = None,
        g: int = 1,
        act: bool = True,
        *,
        grid: Grid,
    ) -> list[Cost]:
        return [conv_cost(k, 4 * c1, c2, _grid(grid, k, s, p), g, stride=s)]


def _grid(grid: Grid, k: Size, s: Size, p: Size | None) -> Grid:
    height, width = grid
    if height % 2 or width % 2:
        raise ValueError(f"takes every second cell: a map of {height} x {width} must be even")
    return conv_grid((height // 2, width // 2), k, s, p)
