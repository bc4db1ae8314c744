"""SPPELAN, the pooling pyramid of YOLOv9 and GELAN.

Source: Wang, Yeh and Liao, "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information", 2024.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv


class SPPELAN(nn.Module):
    """Three k x k max-pools in a chain on c3 channels, concatenated with their input: (B, c1, H, W) -> (B, c2, H, W).

    Row arguments: [c2, c3, k=5].
    """

    def __init__(self, c1: int, c2: int, c3: int, k: int = 5):
        super().__init__()
        self.cv1 = Conv(c1, c3, 1)
        self.cv2, self.cv3, self.cv4 = (nn.MaxPool2d(k, 1, k // 2) for _ in range(3))
        self.cv5 = Conv(4 * c3, c2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [self.cv1(x)]
        for pool in (self.cv2, self.cv3, self.cv4):
            maps.append(pool(maps[-1]))
        return cast(torch.Tensor, self.cv5(torch.cat(maps, 1)))
