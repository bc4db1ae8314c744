"""Transposed convolutions: torch's own, with a norm, and depthwise."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import nn
from torch.nn import ConvTranspose2d

from nas.operators.base import Size

__all__ = ["ConvTranspose", "ConvTranspose2d", "DWConvTranspose2d"]


class ConvTranspose(nn.Module):
    """SiLU(BN(transposed convolution x)). Row arguments: [c2, k=2, s=2, p=0, bn=True, act=True].

    Without ``bn`` the convolution has a bias. (B, c1, H, W) -> (B, c2, s (H - 1) + k - 2 p, ...).
    """

    def __init__(self, c1: int, c2: int, k: Size = 2, s: Size = 2, p: Size = 0, bn: bool = True, act: bool = True):
        super().__init__()
        self.conv_transpose: nn.Module = nn.ConvTranspose2d(c1, c2, k, s, p, bias=not bn)
        self.bn: nn.Module = nn.BatchNorm2d(c2) if bn else nn.Identity()
        self.act = nn.SiLU() if act is True else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.act(self.bn(self.conv_transpose(x))))

    def fuse(self) -> None:
        """Fold the batch norm into the convolution, for inference."""
        if isinstance(self.bn, nn.BatchNorm2d):
            conv = cast(nn.ConvTranspose2d, self.conv_transpose)
            self.conv_transpose = nn.utils.fuse_conv_bn_eval(conv, self.bn, transpose=True)
            self.bn = nn.Identity()


class DWConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution in gcd(c1, c2) groups, with a bias. Row arguments: [c2, k=1, s=1, p1=0, p2=0]."""

    def __init__(self, c1: int, c2: int, k: Size = 1, s: Size = 1, p1: Size = 0, p2: Size = 0):
        super().__init__(c1, c2, k, s, p1, p2, groups=math.gcd(c1, c2))
