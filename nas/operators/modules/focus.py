"""Focus, the stem of YOLOv5 until version 6."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import Size
from nas.operators.modules.conv import Conv


class Focus(nn.Module):
    """A convolution of the four maps that every second row and column give.

    (B, c1, H, W) -> (B, c2, H / 2, W / 2). Row arguments: [c2, k=1, s=1, p=None, g=1, act=True].
    """

    def __init__(self, c1: int, c2: int, k: Size = 1, s: Size = 1, p: Size | None = None, g: int = 1, act: bool = True):
        super().__init__()
        self.conv = Conv(4 * c1, c2, k, s, p, g, act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        even, odd = x[..., ::2, :], x[..., 1::2, :]
        parts = (even[..., ::2], odd[..., ::2], even[..., 1::2], odd[..., 1::2])
        return cast(torch.Tensor, self.conv(torch.cat(parts, 1)))
