"""The detection head of YOLOv5: boxes relative to three anchors a cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from nas.operators.anchor_detect import Anchors
from nas.operators.modules.detect import Head, listed


class AnchorDetect(Head):
    """One 1x1 convolution per level. Row arguments: [nc, anchors].

    Reads maps (B, c_l, H_l, W_l), or a single one. Returns a list of raw (B, na, H_l, W_l, nc + 5) in training, and
    otherwise (B, na A, nc + 5), ordered by level, anchor, row and column: center x, center y, width, height in input
    pixels, the probability of an object, and the probabilities of the classes given an object.
    """

    anchors: torch.Tensor

    def __init__(self, nc: int, anchors: Anchors, channels: Sequence[int], *, strides: Sequence[int]):
        super().__init__(strides)
        self.nc = nc
        pixels = torch.tensor(anchors, dtype=torch.float).view(len(self.strides), -1, 2)
        self.register_buffer("anchors", pixels / torch.tensor(self.strides).view(-1, 1, 1))  # in cells
        self.na = pixels.shape[1]
        self.m = nn.ModuleList(nn.Conv2d(c, self.na * (nc + 5), 1) for c in channels)
        for stride, branch in zip(self.strides, self.m, strict=True):
            bias = cast(torch.Tensor, branch.bias).data.view(self.na, nc + 5)
            # About eight objects in an image of 640 pixels; each class has probability 0.6.
            bias[:, 4] += math.log(8 / (640 / stride) ** 2)
            bias[:, 5:] += math.log(0.6 / (nc - 0.99999))

    def forward(self, maps: Sequence[torch.Tensor] | torch.Tensor) -> list[torch.Tensor] | torch.Tensor:
        maps = listed(maps)
        raw = []
        for branch, x in zip(self.m, maps, strict=True):
            batch, _, height, width = x.shape
            raw.append(branch(x).view(batch, self.na, self.nc + 5, height, width).permute(0, 1, 3, 4, 2))
        return raw if self.training else self.decode(raw, maps)

    def decode(self, raw: Sequence[torch.Tensor], maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Boxes in pixels and probabilities (B, na A, nc + 5) of raw predictions from these maps."""
        points = self._points(maps)[0].split([x.shape[2] * x.shape[3] for x in maps], 2)
        levels = []
        for values, point, anchors, stride in zip(raw, points, self.anchors, self.strides, strict=True):
            shift, scale, rest = values.flatten(2, 3).sigmoid().split((2, 2, self.nc + 1), 3)
            center = (2 * shift - 1 + point.transpose(1, 2)) * stride  # the point is the middle of its cell
            size = (2 * scale) ** 2 * (anchors * stride)[:, None]
            levels.append(torch.cat((center, size, rest), 3).flatten(1, 2))
        return torch.cat(levels, 1)
