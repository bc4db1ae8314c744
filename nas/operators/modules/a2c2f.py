"""A2C2f, the stage of YOLO12: attention inside areas, in a residual aggregation of its maps.

Source: Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", 2025, sections 3.2 and 3.3.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.a2c2f import HEAD, check_widths
from nas.operators.modules.c3k2 import C3k
from nas.operators.modules.conv import Conv


class AAttn(nn.Module):
    """Multi-head attention inside ``area`` horizontal strips. A depthwise 7x7 of the values encodes positions.

    (B, d, H, W) to the same shape; ``area`` must divide H * W. The channels of qkv are ordered by head, and inside a
    head by query, key, value.
    """

    def __init__(self, d: int, heads: int, area: int = 1):
        super().__init__()
        if d % heads:
            raise ValueError(f"AAttn: {heads} heads must divide the channels {d}")
        self.heads, self.width, self.area = heads, d // heads, area
        self.qkv = Conv(d, 3 * d, 1, act=False)
        self.proj = Conv(d, d, 1, act=False)
        self.pe = Conv(d, d, 7, g=d, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, height, width = x.shape
        if not torch.jit.is_tracing() and height * width % self.area:  # type: ignore[attr-defined,no-untyped-call]
            raise ValueError(f"AAttn: {self.area} areas must divide the {height} x {width} positions")
        # (B, heads, 3 width, areas, tokens) -> areas before channels, so that each attends to itself.
        heads = self.qkv(x).view(batch, self.heads, 3 * self.width, self.area, height * width // self.area)
        query, key, value = heads.transpose(2, 3).chunk(3, 3)
        weights = ((query * self.width**-0.5).transpose(3, 4) @ key).softmax(-1)
        attended = (value @ weights.transpose(3, 4)).transpose(2, 3).reshape(x.shape)
        return cast(torch.Tensor, self.proj(attended + self.pe(value.transpose(2, 3).reshape(x.shape))))


class ABlock(nn.Module):
    """Area attention, then two 1x1 convolutions over int(d * ratio) channels, each with a shortcut.

    (B, d, H, W) to the same shape. The weights start from a normal distribution with standard deviation 0.02.
    """

    def __init__(self, d: int, heads: int, ratio: float = 2.0, area: int = 1):
        super().__init__()
        hidden = int(d * ratio)
        self.attn = AAttn(d, heads, area)
        self.mlp = nn.Sequential(Conv(d, hidden, 1), Conv(hidden, d, 1, act=False))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(x)
        return cast(torch.Tensor, x + self.mlp(x))


class A2C2f(nn.Module):
    """A chain of n parts of width int(c2 * e) and a 1x1 over all their maps: (B, c1, H, W) -> (B, c2, H, W).

    Row arguments: [c2, a2=True, area=1, residual=False, mlp_ratio=2.0, e=0.5, g=1, shortcut=True]. With
    ``a2`` a part is two `ABlock`s; without it a `C3k` of two bottlenecks, which ignores the area. ``residual``, with
    ``a2`` and c1 = c2, scales the result by ``gamma`` for each channel and adds it to x.
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        n: int = 1,
        a2: bool = True,
        area: int = 1,
        residual: bool = False,
        mlp_ratio: float = 2.0,
        e: float = 0.5,
        g: int = 1,
        shortcut: bool = True,
    ):
        super().__init__()
        hidden = int(c2 * e)
        check_widths(c1, c2, a2, residual, e)

        def part() -> nn.Module:
            if a2:
                return nn.Sequential(*(ABlock(hidden, hidden // HEAD, mlp_ratio, area) for _ in range(2)))
            return C3k(hidden, hidden, 2, shortcut, g)

        self.cv1 = Conv(c1, hidden, 1)
        self.cv2 = Conv((1 + n) * hidden, c2, 1)
        self.gamma = nn.Parameter(torch.full((c2,), 0.01)) if a2 and residual else None
        self.m = nn.ModuleList(part() for _ in range(n))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [self.cv1(x)]
        for part in self.m:
            maps.append(part(maps[-1]))
        y = self.cv2(torch.cat(maps, 1))
        return cast(torch.Tensor, y if self.gamma is None else x + self.gamma[:, None, None] * y)
