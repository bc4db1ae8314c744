"""GSConv: a Ghost convolution whose two halves are shuffled into each other.

Source: Li et al., "Slim-neck by GSConv", arXiv 2206.02424.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import BlockOperator, Cost
from nas.operators.family import Family, block_row
from nas.operators.ghost import GhostConv, GhostConvOperator, ghost_costs
from nas.operators.shell import CSPOperator, Shell
from nas.operators.shuffle import channel_shuffle


class GSConv(GhostConv):
    """The channels of the convolution and of the depthwise 5x5 over it, in turn: (B, c1, H, W) -> (B, c2, ceil(H/s),
    ceil(W/s)).

    Row arguments: [c2, k=1, s=1, g=1, act=True]. ValueError where c2 is odd.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return channel_shuffle(super().forward(x), 2)


class GSBlock(nn.Module):
    """x + GSConv3x3(GSConv1x1 x), the first to half the channels. (B, C, H, W) kept.

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


class CSPGSBlock(Shell):
    """The C2f shell round ``n`` GSConv blocks at half width. Row arguments: [channels, n]."""

    def __init__(self, channels: int, n: int):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: GSBlock(half))


def _block_costs(channels: int, grid: tuple[int, int]) -> list[Cost]:
    half = channels // 2
    return ghost_costs(1, channels, half, grid) + ghost_costs(3, half, channels, grid)


class GSConvOperator(GhostConvOperator):
    name = "GSConv"
    module = GSConv


class GSBlockOperator(BlockOperator):
    name = "GSBlock"
    module = GSBlock
    example = (16,)
    block_costs = staticmethod(_block_costs)


class CSPGSBlockOperator(CSPOperator):
    name = "CSPGSBlock"
    module = CSPGSBlock
    example = (16, 2)
    block_costs = staticmethod(_block_costs)


GSCONV_FAMILY = Family(
    key="gsconv",
    title="GSConv block",
    shells=("plain", "csp"),
    parameters={},
    row=block_row("GSBlock", "CSPGSBlock"),
    widths=lambda width, parameters: (width,),
)
