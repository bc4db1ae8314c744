"""Ghost convolution and bottleneck, as in the stock YOLOs.

Source: Han et al., "GhostNet: More Features from Cheap Operations", CVPR 2020, sections 3.1, 3.2, in
the stock form: the cheap operation is a 5x5 with norm and SiLU.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import Size
from nas.operators.modules.c3 import C3Shell
from nas.operators.modules.conv import Conv


class GhostConv(nn.Module):
    """A convolution makes half of the maps, a depthwise 5x5 of these makes the other half.

    (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)). Row arguments: [c2, k=1, s=1, g=1, act=True]. ValueError where c2 is
    odd.
    """

    def __init__(self, c1: int, c2: int, k: Size = 1, s: Size = 1, g: int = 1, act: bool = True):
        super().__init__()
        if c2 % 2:
            raise ValueError(f"{type(self).__name__}: the output channels must be even, not {c2}")
        half = c2 // 2
        self.cv1 = Conv(c1, half, k, s, g=g, act=act)
        self.cv2 = Conv(half, half, 5, g=half, act=act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv1(x)
        return torch.cat((y, self.cv2(y)), 1)


class GhostBlock(nn.Module):
    """x + GhostConv(GhostConv x), the first to half the channels: the stock GhostBottleneck of stride 1. (B, C, H, W)
    to the same shape.

    Row arguments: [channels]. No activation follows the second. ValueError unless 4 divides the channels.
    """

    def __init__(self, channels: int):
        super().__init__()
        if channels % 4:
            raise ValueError(f"GhostBlock: 4 must divide the channels, not {channels}")
        half = channels // 2
        # Between the two the bottleneck of stride 2 has a depthwise convolution; the stock keys count it.
        self.conv = nn.Sequential(GhostConv(channels, half), nn.Identity(), GhostConv(half, channels, act=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.conv(x))


class GhostBottleneck(nn.Module):
    """Two Ghost convolutions with a shortcut: (B, c1, H, W) -> (B, c2, H / s, W / s), s 1 or 2.

    Row arguments: [c2, k=3, s=1]. With stride 2 a depthwise k x k lies between the two, and the shortcut is a
    depthwise k x k and a 1x1.
    """

    def __init__(self, c1: int, c2: int, k: int = 3, s: int = 1):
        super().__init__()
        half = c2 // 2

        def shrink(c: int) -> nn.Module:
            return nn.Identity() if s == 1 else Conv(c, c, k, s, g=c, act=False)

        self.conv = nn.Sequential(GhostConv(c1, half), shrink(half), GhostConv(half, c2, act=False))
        beside = nn.Identity() if s == 1 else nn.Sequential(shrink(c1), Conv(c1, c2, 1, act=False))
        self.shortcut = beside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.conv(x) + self.shortcut(x))


class C3Ghost(C3Shell):
    """The C3 shell round n Ghost bottlenecks of width int(c2 * e), a multiple of 4.

    Row arguments: [c2, shortcut=True, g=1, e=0.5]; as in the stock module ``shortcut`` and ``g`` change nothing.
    """

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: GhostBlock(hidden))
