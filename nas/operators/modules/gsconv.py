"""GSConv: a Ghost convolution whose two halves are shuffled into each other.

Source: Li et al., "Slim-neck by GSConv", arXiv 2206.02424.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.ghost import GhostConv
from nas.operators.modules.shuffle import channel_shuffle


class GSConv(GhostConv):
    """`GhostConv` whose output takes the channels of its two convolutions in turn.

    (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)). Row arguments: [c2, k=1, s=1, g=1, act=True]. ValueError where c2 is
    odd.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return channel_shuffle(super().forward(x), 2)


class GSBlock(nn.Module):
    """x + GSConv3x3(GSConv1x1 x), the first to half the channels. (B, C, H, W) to (B, C, H, W).

    Row arguments: [channels]. ValueError unless 4 divides the channels.
    """

    def __init__(self, channels: int):
        super().__init__()
        if channels % 4:
            raise ValueError(f"GSBlock: 4 must divide the channels, not {channels}")
        self.cv1 = GSConv(channels, channels // 2, 1)
        self.cv2 = GSConv(channels // 2, channels, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))
