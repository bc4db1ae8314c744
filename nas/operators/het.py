"""Heterogeneous convolution: 3x3 kernels on one input channel in P, 1x1 kernels on the others.

Source: Singh et al., "HetConv: Heterogeneous Kernel-Based Convolutions for Deep CNNs", CVPR 2019, section 3.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter, expanded_width
from nas.operators.registration import register
from nas.operators.two_kernels import two_kernel_cost


def het_cost(c1: int, c2: int, p: int, grid: Grid, bare: bool = False) -> Cost:
    """Cost of a `HetConv`: M N (K^2 / P + 1 - 1 / P) weights (section 3.2), and the batch norm unless ``bare``."""
    return two_kernel_cost(9 * c1 * c2 // p + c1 * c2 - c1 * c2 // p, c1, c2, p, grid, bare)


@register(
    key="het",
    title="HetConv block",
    p=Parameter("p", 1, 64, divisor=True, meaning="one kernel in P is 3x3, the others are 1x1"),
    expansion=Parameter("e", 0.25, 2.0, meaning="width between the two HetConvs over the block's"),
)
class HetBlockOperator(BlockOperator):
    example = (16, 4, 0.5)
    csp_example = (16, 2, 2, 0.5)
    widths = staticmethod(expanded_width)

    @staticmethod
    def costs(channels: int, p: int = 4, expansion: float = 1, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        return [het_cost(channels, hidden, p, grid), het_cost(hidden, channels, p, grid)]
