"""CBLinear and CBFuse, the links of YOLOv9-E's two backbones.

Source: Liang et al., "CBNet: A Composite Backbone Network Architecture for Object Detection", 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.base import Size, padding_of


class CBLinear(nn.Module):
    """A convolution with a bias, whose output `CBFuse` cuts into pieces: (B, c1, H, W) -> (B, sum c2s, H / s, W / s).

    Row arguments: [c2s, k=1, s=1, p=None, g=1].
    """

    def __init__(self, c1: int, c2s: Sequence[int], k: Size = 1, s: Size = 1, p: Size | None = None, g: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(c1, sum(c2s), k, s, padding_of(k) if p is None else p, groups=g)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.conv(x))


class CBFuse(nn.Module):
    """The last map plus a piece of each other one, resized to it by the nearest cell: (B, c, H, W) of the last.

    Args:
        idx: Number of the piece of each map.
        pieces: Channels of each map's pieces.
    """

    def __init__(self, idx: Sequence[int], pieces: Sequence[Sequence[int]]):
        super().__init__()
        self.cuts = [slice(sum(widths[:n]), sum(widths[: n + 1])) for n, widths in zip(idx, pieces, strict=False)]

    def forward(self, maps: Sequence[torch.Tensor] | torch.Tensor) -> torch.Tensor:
        *others, target = [maps] if isinstance(maps, torch.Tensor) else maps
        size = [int(target.shape[2]), int(target.shape[3])]
        pieces = [F.interpolate(x[:, cut], size) for x, cut in zip(others, self.cuts, strict=True)]
        return torch.stack([*pieces, target]).sum(0)
