"""StarNet block: two pointwise branches, multiplied.

Source: Ma et al., "Rewrite the Stars", CVPR 2024, figure 3; section 3.1 for the star operation and its biases.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter
from nas.operators.registration import register


@register(
    key="star",
    title="StarNet block",
    expansion=Parameter("e", 0.5, 8.0, meaning="width of the two multiplied branches over the block's"),
)
class StarBlockOperator(BlockOperator):
    example = (16, 1.5)
    csp_example = (16, 2, 2)

    @staticmethod
    def costs(channels: int, expansion: float = 3, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        return [
            conv_cost(7, channels, channels, grid, channels),
            *[conv_cost(1, channels, hidden, grid, after="bias")] * 2,
            conv_cost(1, hidden, channels, grid),
            conv_cost(7, channels, channels, grid, channels, after="bias"),
        ]
