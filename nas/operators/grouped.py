"""Bottleneck with a grouped 3x3 convolution.

Source: Xie et al., "Aggregated Residual Transformations for Deep Neural Networks" (ResNeXt), CVPR 2017, section 3.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import BlockOperator, Cost, check_channels, conv_cost
from nas.operators.conv import Conv
from nas.operators.family import Family, Parameter, block_row
from nas.operators.shell import CSPOperator, Shell


class GroupedBlock(nn.Module):
    """x + Conv3x3_groups(Conv1x1 x), the 1x1 (which mixes the groups) to ``channels * expansion``. (B, C, H, W) kept.

    Row arguments: [channels, groups=4, expansion=1].
    """

    def __init__(self, channels: int, groups: int = 4, expansion: float = 1):
        super().__init__()
        hidden = int(channels * expansion)
        if groups < 1 or hidden % groups or channels % groups:
            raise ValueError(f"GroupedBlock: {groups} groups must divide the widths {hidden} and {channels}")
        self.channels = channels
        self.cv1 = Conv(channels, hidden, 1)
        self.cv2 = Conv(hidden, channels, 3, g=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.channels, self)
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))


class CSPGrouped(Shell):
    """The C2f shell round ``n`` grouped blocks at half width. Row arguments: [channels, n, groups=4, expansion=1]."""

    def __init__(self, channels: int, n: int, groups: int = 4, expansion: float = 1):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: GroupedBlock(half, groups, expansion))


def _block_costs(channels: int, groups: int, expansion: float, grid: tuple[int, int]) -> list[Cost]:
    hidden = int(channels * expansion)
    return [conv_cost(1, channels, hidden, grid), conv_cost(3, hidden, channels, grid, groups)]


class GroupedBlockOperator(BlockOperator):
    name = "GroupedBlock"
    module = GroupedBlock
    example = (16, 4, 0.5)
    block_costs = staticmethod(_block_costs)


class CSPGroupedOperator(CSPOperator):
    name = "CSPGrouped"
    module = CSPGrouped
    example = (16, 2, 2, 1)
    block_costs = staticmethod(_block_costs)


GROUPED_FAMILY = Family(
    key="grouped",
    title="grouped-convolution block",
    shells=("plain", "csp"),
    parameters={
        "groups": Parameter("g", 1, 64, True, "groups of the 3x3 convolution"),
        "expansion": Parameter("e", 0.25, 2.0, False, "width between the two convolutions over the block's"),
    },
    row=block_row("GroupedBlock", "CSPGrouped"),
    widths=lambda width, parameters: (width, int(width * parameters["expansion"])),
)
