"""T-shaped convolution: 3x3 on the first channels, 1x1 on the others, in one sum.

Source: Chen et al., "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks", CVPR 2023, section 3.2 and
figure 5: what a partial convolution followed by a pointwise one looks like from an output channel.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.modules.checks import check_channels
from nas.operators.modules.deployed import constant, folded


class TConv(nn.Module):
    """SiLU(BN(conv3x3 of the first c1 // n_div channels + conv1x1 of the rest)). (B, c1, H, W) -> (B, c2, H, W).

    With ``n_div`` 1 nothing is left for the 1x1, and it is a 3x3 convolution.
    """

    def __init__(self, c1: int, c2: int, n_div: int = 4):
        super().__init__()
        if not 1 <= n_div <= c1:
            raise ValueError(f"TConv: n_div must lie in 1..{c1}, not {n_div}")
        self.c1, self.partial = c1, c1 // n_div
        self.conv = nn.Conv2d(self.partial, c2, 3, 1, 1, bias=False)
        self.point = nn.Conv2d(c1 - self.partial, c2, 1, bias=False) if n_div > 1 else None
        self.bn: nn.Module = nn.BatchNorm2d(c2)
        self.act = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.c1, self)
        first, rest = torch.split(x, [self.partial, self.c1 - self.partial], 1)
        if self.training or isinstance(self.bn, nn.Identity):
            y = self.conv(first)
            y = self.bn(y if self.point is None else y + self.point(rest))
        else:
            spatial, point, bias = constant(self._fold)
            y = F.conv2d(first, spatial, bias, padding=1)
            y = y if point is None else y + F.conv2d(rest, point)
        return cast(torch.Tensor, self.act(y))

    def _fold(self) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Return both kernels and the bias with the norm folded: an exporter sees constants."""
        scale, bias = folded(cast(nn.BatchNorm2d, self.bn))
        return self.conv.weight * scale, None if self.point is None else self.point.weight * scale, bias

    @torch.no_grad()
    def fuse(self) -> None:
        """Fold the norm into the convolutions, for inference."""
        if isinstance(self.bn, nn.BatchNorm2d):
            spatial, point, bias = self._fold()
            self.conv.weight, self.conv.bias = nn.Parameter(spatial), nn.Parameter(bias)
            if self.point is not None and point is not None:
                self.point.weight = nn.Parameter(point)
            self.bn = nn.Identity()


class TBlock(nn.Module):
    """x + TConv(TConv x), the first to ``channels * expansion``. (B, C, H, W) to (B, C, H, W).

    Row arguments: [channels, n_div=4, expansion=1].
    """

    def __init__(self, channels: int, n_div: int = 4, expansion: float = 1):
        super().__init__()
        hidden = int(channels * expansion)
        self.cv1 = TConv(channels, hidden, n_div)
        self.cv2 = TConv(hidden, channels, n_div)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))
