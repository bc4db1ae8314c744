"""SCDown, the downsampling of YOLOv10: a 1x1 convolution changes the channels, a depthwise one halves the map.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (spatial-channel
decoupled downsampling).
"""

from __future__ import annotations

from typing import Any

from nas.operators.base import Cost, Grid, Size, StockOperator, conv_cost, conv_grid
from nas.operators.registration import register


@register()
class SCDownOperator(StockOperator):
    """Row arguments: [c2, k, s]."""

    example = (24, 3, 2)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        return conv_grid(grid, arguments[2], arguments[3])

    @staticmethod
    def costs(c1: int, c2: int, k: Size, s: Size, *, grid: Grid) -> list[Cost]:
        small = conv_grid(grid, k, s)
        return [conv_cost(1, c1, c2, grid), conv_cost(k, c2, c2, small, c2, stride=s)]
