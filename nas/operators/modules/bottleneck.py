"""The bottleneck inside C3, C2f and their descendants."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import Size
from nas.operators.modules.conv import Conv


class Bottleneck(nn.Module):
    """Two convolutions, c1 to int(c2 * e) to c2, the second grouped, with a shortcut if c1 equals c2.

    (B, c1, H, W) -> (B, c2, H, W). State-dict keys cv1, cv2, as in the stock blocks.
    """

    def __init__(
        self, c1: int, c2: int, shortcut: bool = True, g: int = 1, k: tuple[Size, Size] = (3, 3), e: float = 0.5
    ):
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden, k[0])
        self.cv2 = Conv(hidden, c2, k[1], g=g)
        self.add = shortcut and c1 == c2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv2(self.cv1(x))
        return cast(torch.Tensor, x + y if self.add else y)
