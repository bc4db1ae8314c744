"""Depthwise-separable convolution with a shortcut.

Source: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017,
section 3.1, with YOLO's SiLU and a shortcut.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter
from nas.operators.registration import register


@register(
    key="dwsep",
    title="depthwise-separable block",
    kernel=Parameter("k", 3, 15, meaning="kernel of the depthwise convolution", odd=True),
)
class DWBlockOperator(BlockOperator):
    example = (16, 5)
    csp_example = (16, 2, 3)

    @staticmethod
    def costs(channels: int, kernel: int = 3, *, grid: Grid) -> list[Cost]:
        return [conv_cost(kernel, channels, channels, grid, channels), conv_cost(1, channels, channels, grid)]
