"""Dual convolution: a grouped 3x3 and a full 1x1 convolution of the same input, added.

Source: Zhong, Chen and Mian, "DualConv: Dual Convolutional Kernels for Lightweight Deep Neural Networks", IEEE TNNLS
2022, section III.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter, expanded_width
from nas.operators.registration import register
from nas.operators.two_kernels import two_kernel_cost


def dual_cost(c1: int, c2: int, g: int, grid: Grid, bare: bool = False) -> Cost:
    """Cost of a `DualConv`: M N (K^2 / G + 1) weights, and the batch norm unless ``bare``."""
    return two_kernel_cost(9 * c1 * c2 // g + c1 * c2, c1, c2, g, grid, bare)


@register(
    key="dual",
    title="DualConv block",
    groups=Parameter("g", 1, 64, divisor=True, meaning="groups of the 3x3 convolution"),
    expansion=Parameter("e", 0.25, 2.0, meaning="width between the two DualConvs over the block's"),
)
class DualBlockOperator(BlockOperator):
    example = (16, 4, 0.5)
    csp_example = (16, 2, 2, 0.5)
    widths = staticmethod(expanded_width)

    @staticmethod
    def costs(channels: int, groups: int = 4, expansion: float = 1, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        return [dual_cost(channels, hidden, groups, grid), dual_cost(hidden, channels, groups, grid)]
