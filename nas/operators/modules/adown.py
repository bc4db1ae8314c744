"""ADown, the downsampling of YOLOv9: a strided convolution on one half of the channels, a pool on the other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.adown import check_even_channels
from nas.operators.modules.conv import Conv


class ADown(nn.Module):
    """Average pool 2 x 2 of stride 1, then a strided path on each half of the channels.

    First half: 3x3 of stride 2. Second half: max-pool 3 x 3 of stride 2, then 1x1. (B, c1, H, W) -> (B, c2, H // 2,
    W // 2), c1 and c2 even. Row arguments: [c2].
    """

    def __init__(self, c1: int, c2: int):
        super().__init__()
        check_even_channels(c1, c2)
        self.cv1 = Conv(c1 // 2, c2 // 2, 3, 2)
        self.cv2 = Conv(c1 // 2, c2 // 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = F.avg_pool2d(x, 2, 1).chunk(2, 1)
        return torch.cat((self.cv1(first), self.cv2(F.max_pool2d(second, 3, 2, 1))), 1)
