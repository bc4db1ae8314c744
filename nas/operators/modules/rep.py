"""Convolutions that are two in training and one in deployment, and RepNCSPELAN4, the stage of YOLOv9 made of them.

Sources: Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021, section 3.3; Wang, Yeh and Liao,
"YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information", 2024, section 4.2.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.modules.c3 import C3Shell
from nas.operators.modules.conv import Conv
from nas.operators.modules.elan1 import ELANShell


class RepConvN(nn.Module):
    """SiLU(BN(conv3x3 x) + BN(conv1x1 x)); `fuse` merges them into one 3x3. (B, c1, H, W) -> (B, c2, H, W)."""

    def __init__(self, c1: int, c2: int, g: int = 1):
        super().__init__()
        self.conv1 = Conv(c1, c2, 3, g=g, act=False)
        self.conv2 = Conv(c1, c2, 1, g=g, act=False)
        self.conv: nn.Conv2d | None = None
        self.act = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.act(self.conv1(x) + self.conv2(x) if self.conv is None else self.conv(x)))

    def fuse(self) -> None:
        """Fold the norms and add the kernels, the smaller one padded with zeros, for inference."""
        if self.conv is None:
            self.conv = merged(self.conv1, self.conv2)
            del self.conv1, self.conv2


@torch.no_grad()
def merged(large: Conv, small: Conv) -> nn.Conv2d:
    """Merge two convolutions of equal channels, groups and stride, without activation, into one with a bias."""
    large.fuse()
    small.fuse()
    conv, other = large.conv, small.conv
    assert conv.bias is not None and other.bias is not None
    border = (conv.kernel_size[0] - other.kernel_size[0]) // 2
    conv.weight += F.pad(other.weight, [border] * 4)
    conv.bias += other.bias
    return conv


class RepNBottleneck(nn.Module):
    """x + Conv3x3(RepConvN x), with an optional shortcut. (B, c, H, W) to (B, c, H, W)."""

    def __init__(self, c: int, shortcut: bool = True):
        super().__init__()
        self.cv1 = RepConvN(c, c)
        self.cv2 = Conv(c, c, 3)
        self.add = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv2(self.cv1(x))
        return cast(torch.Tensor, x + y if self.add else y)


class RepNCSP(C3Shell):
    """The C3 shell round n `RepNBottleneck` of width c2 // 2: (B, c1, H, W) -> (B, c2, H, W)."""

    def __init__(self, c1: int, c2: int, n: int = 1):
        super().__init__(c1, c2, c2 // 2, n, lambda: RepNBottleneck(c2 // 2))


class RepNCSPELAN4(ELANShell):
    """The ELAN shell round `RepNCSP` and a 3x3 convolution. Row arguments: [c2, c3, c4, n=1]."""

    def __init__(self, c1: int, c2: int, c3: int, c4: int, n: int = 1):
        super().__init__(c1, c2, c3, c4, lambda a, b: nn.Sequential(RepNCSP(a, b, n), Conv(b, b, 3)))
