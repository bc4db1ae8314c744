"""ShuffleNetV2 units, in torchvision's variant: the shuffle ends every unit and both stride-2 branches give c2 / 2.

Source: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", ECCV 2018, section 3,
figure 3 (c, d). YOLO's SiLU stands where the paper has ReLU, as in the other blocks here.
"""

from __future__ import annotations

import torch
from torch import nn

from nas.operators.modules.checks import check_channels
from nas.operators.modules.conv import Conv
from nas.operators.modules.shuffle import channel_shuffle


def _branch(c1: int, half: int, stride: int, star: int) -> nn.Sequential:
    """1x1 to ``half``, depthwise 3x3 without activation, 1x1; v2* has one more depthwise 3x3 in front."""
    first = [Conv(c1, c1, 3, g=c1, act=False)] if star else []
    depthwise = Conv(half, half, 3, stride, g=half, act=False)
    return nn.Sequential(*first, Conv(c1, half, 1), depthwise, Conv(half, half, 1))


class ShuffleV2Block(nn.Module):
    """shuffle(cat(x1, branch(x2))), x1 and x2 the halves of x: the unit of stride 1. (B, C, H, W) to (B, C, H, W).

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
        first, second = x.chunk(2, 1)
        return channel_shuffle(torch.cat((first, self.branch(second)), 1), self.groups)


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
