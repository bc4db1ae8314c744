"""C1, a stage of Ultralytics: a 1x1 convolution, then a chain of 3x3 convolutions with a shortcut round them."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv


class C1(nn.Module):
    """y + n 3x3 convolutions of y, where y is a 1x1 convolution of x. (B, c1, H, W) -> (B, c2, H, W).

    Row arguments: [c2].
    """

    def __init__(self, c1: int, c2: int, n: int = 1):
        super().__init__()
        self.cv1 = Conv(c1, c2, 1)
        self.m = nn.Sequential(*(Conv(c2, c2, 3) for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv1(x)
        return cast(torch.Tensor, self.m(y) + y)
