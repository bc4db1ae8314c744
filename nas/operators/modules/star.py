"""StarNet block: two pointwise branches, multiplied.

Source: Ma et al., "Rewrite the Stars", CVPR 2024, figure 3; section 3.1 for the star operation and its biases.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv


class StarBlock(nn.Module):
    """x + DW7x7(BN Conv1x1(ReLU6(f1 y) * f2 y)), y = BN(DW7x7 x), f1 and f2 widening by ``expansion``. (B, C, H, W)
    to the same shape.

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
