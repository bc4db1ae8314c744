"""SPP, the pooling pyramid of YOLOv3: pools side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv
from nas.operators.spp import KERNELS


class SPP(nn.Module):
    """Max-pools of several kernels, concatenated with their input: (B, c1, H, W) -> (B, c2, H, W).

    Row arguments: [c2, k=[5, 9, 13]].
    """

    def __init__(self, c1: int, c2: int, k: Sequence[int] = KERNELS):
        super().__init__()
        hidden = c1 // 2
        self.cv1 = Conv(c1, hidden, 1)
        self.cv2 = Conv((1 + len(k)) * hidden, c2, 1)
        self.m = nn.ModuleList(nn.MaxPool2d(kernel, 1, kernel // 2) for kernel in k)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.cv1(x)
        return cast(torch.Tensor, self.cv2(torch.cat([x, *(pool(x) for pool in self.m)], 1)))
