"""Convolution, batch norm and SiLU: the basic block of every YOLO."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn


class Conv(nn.Module):
    """act(BN(conv x)), with the state-dict keys of the stock checkpoints.

    (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)) for odd k and p None.

    Args:
        c1: Input channels.
        c2: Output channels.
        k: Kernel size.
        s: Stride.
        p: Padding. None: "same".
        g: Groups.
        act: False leaves out the SiLU.
    """

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, p: int | None = None, g: int = 1, act: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2 if p is None else p, groups=g, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(c2)
        self.act = nn.SiLU() if act else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.act(self.bn(self.conv(x))))

    def fuse(self) -> None:
        """Fold the batch norm into the convolution, for inference."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.bn)
            self.bn = nn.Identity()
