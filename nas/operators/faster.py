"""Partial convolution and the FasterNet block.

Source: Chen et al., "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks", CVPR 2023, sections 3.2, 3.3.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter
from nas.operators.registration import register


@register(shells=("plain",))
class PConvOperator(BlockOperator):
    example = (16, 4)

    @staticmethod
    def costs(channels: int, n_div: int = 4, *, grid: Grid) -> list[Cost]:
        partial = channels // n_div
        return [conv_cost(3, partial, partial, grid, after="nothing")]


@register(
    key="faster",
    title="FasterNet block (PConv)",
    n_div=Parameter("r", 1, 16, divisor=True, meaning="one channel in n_div is convolved: PConv ratio 1/n_div"),
    expansion=Parameter("e", 0.5, 4.0, meaning="width between the two pointwise convolutions over the block's"),
)
class FasterBlockOperator(BlockOperator):
    csp_name = "CSPFaster"
    example = (16, 4, 2)
    csp_example = (16, 2, 2, 1)

    @staticmethod
    def costs(channels: int, n_div: int = 4, expansion: float = 2, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        return [
            *PConvOperator.costs(channels, n_div, grid=grid),
            conv_cost(1, channels, hidden, grid),
            conv_cost(1, hidden, channels, grid, after="nothing"),
        ]
