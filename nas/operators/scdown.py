"""SCDown, the downsampling of YOLOv10: a 1x1 convolution changes the channels, a depthwise one halves the map.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (spatial-channel
decoupled downsampling).
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register


@register()
class SCDownOperator(StockOperator):
    """Row arguments: [c2, k, s]."""

    example = (24, 3, 2)
    stride_argument = 2

    @staticmethod
    def costs(c1: int, c2: int, k: int, s: int, *, grid: Grid) -> list[Cost]:
        small = (-(-grid[0] // s), -(-grid[1] // s))
        return [conv_cost(1, c1, c2, grid), conv_cost(k, c2, c2, small, c2, stride=s)]
