"""ShuffleNetV2 units, in torchvision's variant: the shuffle ends every unit and both stride-2 branches give c2 / 2.

Source: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", ECCV 2018, section 3,
figure 3 (c, d). YOLO's SiLU stands where the paper has ReLU, as in the other blocks here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from nas.operators.base import BlockOperator, Call, Cost, Shape, StockOperator, check_channels, conv_cost
from nas.operators.conv import Conv
from nas.operators.family import Family, Parameter, block_row
from nas.operators.shell import CSPOperator, Shell
from nas.operators.shuffle import channel_shuffle


def _branch(c1: int, half: int, stride: int, star: int) -> nn.Sequential:
    """1x1 to ``half``, depthwise 3x3 without activation, 1x1; v2* has one more depthwise 3x3 in front."""
    first = [Conv(c1, c1, 3, g=c1, act=False)] if star else []
    depthwise = Conv(half, half, 3, stride, g=half, act=False)
    return nn.Sequential(*first, Conv(c1, half, 1), depthwise, Conv(half, half, 1))


def _branch_costs(c1: int, half: int, grid: tuple[int, int], out: tuple[int, int], star: int) -> list[Cost]:
    stride = 1 if grid == out else 2
    first = [conv_cost(3, c1, c1, grid, c1)] * bool(star)
    depthwise = conv_cost(3, half, half, out, half, stride=stride)
    return [*first, conv_cost(1, c1, half, grid), depthwise, conv_cost(1, half, half, out)]


class ShuffleV2Block(nn.Module):
    """shuffle(cat(x1, branch(x2))), x1 and x2 the halves of x: the unit of stride 1. (B, C, H, W) kept.

    Row arguments: [channels, groups=2, star=0]. ``groups`` is the shuffle's, 2 in the paper; 1 shuffles nothing, and
    the first half of the channels then never meets a convolution. ``star`` 1 is the form v2* for detection, a depthwise
    3x3 before the branch (section 4, table 7). ValueError unless 2 and ``groups`` divide the channels.
    """

    def __init__(self, channels: int, groups: int = 2, star: int = 0):
        super().__init__()
        if groups < 1 or channels % 2 or channels % groups:
            raise ValueError(f"ShuffleV2Block: 2 and the {groups} groups must divide the {channels} channels")
        self.channels, self.groups = channels, groups
        self.branch = _branch(channels // 2, channels // 2, 1, star)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.channels, self)
        kept, taken = x.chunk(2, 1)
        return channel_shuffle(torch.cat((kept, self.branch(taken)), 1), self.groups)


class CSPShuffleV2Block(Shell):
    """The C2f shell round ``n`` units at half width. Row arguments: [channels, n, groups=2, star=0]."""

    def __init__(self, channels: int, n: int, groups: int = 2, star: int = 0):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: ShuffleV2Block(half, groups, star))


class ShuffleV2Down(nn.Module):
    """shuffle(cat(project(x), branch(x))): the unit of stride 2. (B, c1, H, W) -> (B, c2, ceil(H/2), ceil(W/2)).

    Row arguments: [c2, star=0]. Nothing is split; each branch gives c2 / 2 channels. ValueError where c2 is odd.
    """

    def __init__(self, c1: int, c2: int, star: int = 0):
        super().__init__()
        if c2 % 2:
            raise ValueError(f"ShuffleV2Down: the output channels must be even, not {c2}")
        self.project = nn.Sequential(Conv(c1, c1, 3, 2, g=c1, act=False), Conv(c1, c2 // 2, 1))
        self.branch = _branch(c1, c2 // 2, 2, star)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return channel_shuffle(torch.cat((self.project(x), self.branch(x)), 1), 2)


def _block_costs(channels: int, groups: int, star: int, grid: tuple[int, int]) -> list[Cost]:
    return _branch_costs(channels // 2, channels // 2, grid, grid, star)


class ShuffleV2BlockOperator(BlockOperator):
    name = "ShuffleV2Block"
    module = ShuffleV2Block
    example = (16, 4, 1)
    block_costs = staticmethod(_block_costs)


class CSPShuffleV2BlockOperator(CSPOperator):
    name = "CSPShuffleV2Block"
    module = CSPShuffleV2Block
    example = (16, 2, 2, 0)
    block_costs = staticmethod(_block_costs)


class ShuffleV2DownOperator(StockOperator):
    name = "ShuffleV2Down"
    module = ShuffleV2Down
    example = (24,)

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        if repeats > 1:
            raise ValueError(f"ShuffleV2Down halves the map and is not repeated, not {repeats} times")
        call, (_, height, width) = super().resolve(inputs, repeats, args), inputs[0]
        return call._replace(output=(call.output[0], *_halved((height, width))))

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, star = self.filled(arguments)
        grid, half = inputs[0][1:], c2 // 2
        out = _halved(grid)
        project = [conv_cost(3, c1, c1, out, c1, stride=2), conv_cost(1, c1, half, out)]
        return project + _branch_costs(c1, half, grid, out, star)


def _halved(grid: tuple[int, int]) -> tuple[int, int]:
    return -(-grid[0] // 2), -(-grid[1] // 2)


SHUFFLEV2_FAMILY = Family(
    key="shufflev2",
    title="ShuffleNetV2 unit",
    shells=("plain", "csp"),
    parameters={
        "groups": Parameter("g", 1, 64, True, "groups of the channel shuffle; 1 shuffles nothing"),
        "star": Parameter("s", 0, 1, False, "1: the v2* form, one more depthwise 3x3"),
    },
    row=block_row("ShuffleV2Block", "CSPShuffleV2Block"),
    # Groups that divide half the width hold two channels at least: a shuffle in as many groups as channels is none.
    widths=lambda width, parameters: (width // 2,),
)
