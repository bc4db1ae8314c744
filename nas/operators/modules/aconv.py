"""AConv, the downsampling of GELAN-t and -s: the mean of 2 x 2 positions, then a strided convolution."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.modules.conv import Conv


class AConv(nn.Module):
    """Average pool 2 x 2 of stride 1, then 3x3 of stride 2: (B, c1, H, W) -> (B, c2, H // 2, W // 2).

    Row arguments: [c2].
    """

    def __init__(self, c1: int, c2: int):
        super().__init__()
        self.cv1 = Conv(c1, c2, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.cv1(F.avg_pool2d(x, 2, 1)))
