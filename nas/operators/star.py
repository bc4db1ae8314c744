"""StarNet block: two pointwise branches, multiplied.

Source: Ma et al., "Rewrite the Stars", CVPR 2024, figure 3; section 3.1 for the star operation and its biases.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import BlockOperator, Cost, conv_cost
from nas.operators.conv import Conv
from nas.operators.family import Family, Parameter, block_row
from nas.operators.shell import CSPOperator, Shell


class StarBlock(nn.Module):
    """x + DW7x7(BN Conv1x1(ReLU6(f1 y) * f2 y)), y = BN(DW7x7 x), f1 and f2 widening by ``expansion``. (B, C, H, W)
    kept.

    Row arguments: [channels, expansion=3]. f1, f2 and the last convolution have a bias and no norm: the product of two
    affine maps is what the paper defines, and they are deployed as they are. The other two fold their norms.
    """

    def __init__(self, channels: int, expansion: float = 3):
        super().__init__()
        hidden = int(channels * expansion)
        self.dw1 = Conv(channels, channels, 7, g=channels, act=False)
        self.f1 = nn.Conv2d(channels, hidden, 1)
        self.f2 = nn.Conv2d(channels, hidden, 1)
        self.act = nn.ReLU6()
        self.g = Conv(hidden, channels, 1, act=False)
        self.dw2 = nn.Conv2d(channels, channels, 7, 1, 3, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.dw1(x)
        return cast(torch.Tensor, x + self.dw2(self.g(self.act(self.f1(y)) * self.f2(y))))


class CSPStarBlock(Shell):
    """The C2f shell round ``n`` StarNet blocks at half width. Row arguments: [channels, n, expansion=3]."""

    def __init__(self, channels: int, n: int, expansion: float = 3):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: StarBlock(half, expansion))


def _block_costs(channels: int, expansion: float, grid: tuple[int, int]) -> list[Cost]:
    hidden = int(channels * expansion)
    return [
        conv_cost(7, channels, channels, grid, channels),
        *[conv_cost(1, channels, hidden, grid, after="bias")] * 2,
        conv_cost(1, hidden, channels, grid),
        conv_cost(7, channels, channels, grid, channels, after="bias"),
    ]


class StarBlockOperator(BlockOperator):
    name = "StarBlock"
    module = StarBlock
    example = (16, 1.5)
    block_costs = staticmethod(_block_costs)


class CSPStarBlockOperator(CSPOperator):
    name = "CSPStarBlock"
    module = CSPStarBlock
    example = (16, 2, 2)
    block_costs = staticmethod(_block_costs)


STAR_FAMILY = Family(
    key="star",
    title="StarNet block",
    shells=("plain", "csp"),
    parameters={"expansion": Parameter("e", 0.5, 8.0, False, "width of the two multiplied branches over the block's")},
    row=block_row("StarBlock", "CSPStarBlock"),
    widths=lambda width, parameters: (width,),
)
