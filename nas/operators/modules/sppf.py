"""SPPF, the pooling pyramid at the end of the backbone."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv
from nas.operators.sppf import POOLS


class SPPF(nn.Module):
    """k x k max-pools in a chain, concatenated with their input. (B, c1, H, W) -> (B, c2, H, W).

    Row arguments: [c2, k=5] for YOLOv5, v8 and 11: three pools; or [c2, k, n, shortcut=False] for YOLO26: n pools, no
    activation before them and, where c1 is c2, a shortcut. Both generations have the same keys and shapes.
    """

    def __init__(self, c1: int, c2: int, k: int = 5, n: int | None = None, shortcut: bool = False):
        super().__init__()
        hidden = c1 // 2
        self.pools = POOLS if n is None else n
        self.cv1 = Conv(c1, hidden, 1, act=n is None)
        self.cv2 = Conv((1 + self.pools) * hidden, c2, 1)
        self.m = nn.MaxPool2d(k, 1, k // 2)
        self.add = shortcut and c1 == c2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [self.cv1(x)]
        for _ in range(self.pools):
            maps.append(self.m(maps[-1]))
        y = self.cv2(torch.cat(maps, 1))
        return cast(torch.Tensor, x + y if self.add else y)
