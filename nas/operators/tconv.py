"""T-shaped convolution: 3x3 on the first channels and 1x1 on the others, in one sum.

Source: Chen et al., "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks", CVPR 2023, section 3.2 and
figure 5: the view that an output channel has of a partial convolution followed by a pointwise one.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter, expanded_width
from nas.operators.registration import register


def t_cost(c1: int, c2: int, n_div: int, grid: Grid) -> Cost:
    """Cost of a `TConv`: (K^2 cp + c1 - cp) c2 weights, cp = c1 // n_div, and the batch norm."""
    partial, cells = c1 // n_div, grid[0] * grid[1]
    weights = (9 * partial + c1 - partial) * c2
    return Cost(weights + 2 * c2, weights * cells, cells * (c1 + c2) + weights, 4 * (weights + c2))


@register(
    key="tconv",
    title="T-shaped convolution block",
    n_div=Parameter("r", 1, 16, divisor=True, meaning="one input channel in n_div has a 3x3 kernel, the others 1x1"),
    expansion=Parameter("e", 0.25, 2.0, meaning="width between the two T-convolutions over the block's"),
)
class TBlockOperator(BlockOperator):
    example = (16, 4, 0.5)
    csp_example = (16, 2, 2, 1)
    widths = staticmethod(expanded_width)

    @staticmethod
    def costs(channels: int, n_div: int = 4, expansion: float = 1, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        return [t_cost(channels, hidden, n_div, grid), t_cost(hidden, channels, n_div, grid)]
