"""Bottleneck with a grouped 3x3 convolution.

Source: Xie et al., "Aggregated Residual Transformations for Deep Neural Networks" (ResNeXt), CVPR 2017, section 3.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter, expanded_width
from nas.operators.registration import register


@register(
    key="grouped",
    title="grouped-convolution block",
    groups=Parameter("g", 1, 64, divisor=True, meaning="groups of the 3x3 convolution"),
    expansion=Parameter("e", 0.25, 2.0, meaning="width between the two convolutions over the block's"),
)
class GroupedBlockOperator(BlockOperator):
    csp_name = "CSPGrouped"
    example = (16, 4, 0.5)
    csp_example = (16, 2, 2, 1)
    widths = staticmethod(expanded_width)

    @staticmethod
    def costs(channels: int, groups: int = 4, expansion: float = 1, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        return [conv_cost(1, channels, hidden, grid), conv_cost(3, hidden, channels, grid, groups)]
