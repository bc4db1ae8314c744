"""SPP, the pooling pyramid of YOLOv3 and of YOLOv5 until version 6: pools side by side.

Source: He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", ECCV 2014, in the form of YOLOv3-SPP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register

KERNELS = (5, 9, 13)


@register()
class SPPOperator(StockOperator):
    """Row arguments: [c2, k=[5, 9, 13]]."""

    example = (24, (3, 5))

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        if any(kernel < 1 or kernel % 2 == 0 for kernel in arguments[2]):
            raise ValueError(f"its pools keep the map: their kernels must be odd, not {list(arguments[2])}")
        return grid

    @staticmethod
    def costs(c1: int, c2: int, k: Sequence[int] = KERNELS, *, grid: Grid) -> list[Cost]:
        hidden = c1 // 2
        return [conv_cost(1, c1, hidden, grid), conv_cost(1, (1 + len(k)) * hidden, c2, grid)]
