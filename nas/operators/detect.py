"""The anchor-free detection head of YOLOv8, its box distribution and its decoding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from nas.operators._base import Call, Cost, Operator, Shape, conv_cost
from nas.operators.conv import Conv

BINS = 16
"""Bins of the distribution of each box side (reg_max): a side reaches at most 15 cells."""


class Predictions(NamedTuple):
    """What the head gives in training, A points of all levels: ``boxes`` (B, 64, A), side-major logits of the
    distances left, top, right, bottom; ``scores`` (B, nc, A) class logits."""

    boxes: torch.Tensor
    scores: torch.Tensor


class DFL(nn.Module):
    """Expected value of each side's distribution (GFL, arXiv 2006.04388): (B, 64, A) -> (B, 4, A)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.conv.weight.data[:] = torch.arange(BINS, dtype=torch.float).view(1, BINS, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, points = x.shape
        bins = x.view(batch, 4, BINS, points).transpose(2, 1).softmax(1)
        return cast(torch.Tensor, self.conv(bins).view(batch, 4, points))


def grid(shapes: Sequence[tuple[int, int]], strides: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (A, 2) as x, y in cells and strides (A,) of levels with these (height, width), finest first, row-major."""
    points, sizes = [], []
    for (height, width), stride in zip(shapes, strides, strict=True):
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        points.append(torch.stack((x, y), -1).view(-1, 2))
        sizes.append(torch.full((height * width,), float(stride)))
    return torch.cat(points), torch.cat(sizes)


class Detect(nn.Module):
    """Per level a box branch and a class branch of two 3x3 and one 1x1 convolution. Row arguments: [nc].

    Takes maps (B, c_l, H_l, W_l) of strides 8, 16, 32. In training gives `Predictions`; otherwise (B, 4 + nc, A):
    centre x, centre y, width, height in input pixels, and class probabilities.
    """

    strides = (8, 16, 32)

    def __init__(self, nc: int, channels: Sequence[int]):
        super().__init__()
        self.nc = nc
        box, cls = hidden_widths(nc, channels[0])
        self.cv2 = nn.ModuleList(
            nn.Sequential(Conv(c, box, 3), Conv(box, box, 3), nn.Conv2d(box, 4 * BINS, 1)) for c in channels
        )
        self.cv3 = nn.ModuleList(
            nn.Sequential(Conv(c, cls, 3), Conv(cls, cls, 3), nn.Conv2d(cls, nc, 1)) for c in channels
        )
        self.dfl = DFL()
        self._grid: tuple[list[tuple[int, int]], torch.Tensor, torch.Tensor] | None = None
        for stride, box_branch, class_branch in zip(self.strides, self.cv2, self.cv3, strict=True):
            box_bias = cast(nn.Conv2d, cast(nn.Sequential, box_branch)[-1]).bias
            class_bias = cast(nn.Conv2d, cast(nn.Sequential, class_branch)[-1]).bias
            assert box_bias is not None and class_bias is not None
            box_bias.data[:] = 2.0
            # About five objects in an image of 640 pixels: the probability that a point holds one of a class.
            class_bias.data[:] = math.log(5 / nc / (640 / stride) ** 2)

    def forward(self, maps: Sequence[torch.Tensor]) -> Predictions | torch.Tensor:
        boxes = torch.cat([branch(x).flatten(2) for branch, x in zip(self.cv2, maps, strict=True)], 2)
        scores = torch.cat([branch(x).flatten(2) for branch, x in zip(self.cv3, maps, strict=True)], 2)
        if self.training:
            return Predictions(boxes, scores)
        points, strides = self._points([(int(x.shape[2]), int(x.shape[3])) for x in maps], boxes)
        near, far = self.dfl(boxes).chunk(2, 1)
        centre, size = points + (far - near) / 2, near + far
        return torch.cat((torch.cat((centre, size), 1) * strides, scores.sigmoid()), 1)

    def _points(self, shapes: list[tuple[int, int]], like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Points (1, 2, A) and strides (A,), kept for the next call: an export traces them as constants."""
        if self._grid is None or self._grid[0] != shapes or self._grid[1].device != like.device:
            points, strides = grid(shapes, self.strides)
            self._grid = (shapes, points.T[None].to(like.device), strides.to(like.device))
        return self._grid[1].to(like.dtype), self._grid[2].to(like.dtype)


def hidden_widths(nc: int, first: int) -> tuple[int, int]:
    """Hidden channels of the box and the class branches; both follow the finest level's channels (blocks.md, 3.1)."""
    return max(16, first // 4, 4 * BINS), max(first, min(nc, 100))


class DetectOperator(Operator):
    name = "Detect"
    module = Detect

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        (nc,) = args
        if len(inputs) != len(Detect.strides):
            raise ValueError(f"Detect takes three rows, of strides 8, 16 and 32, not {len(inputs)}")
        points = sum(height * width for _, height, width in inputs)
        return Call((nc, tuple(shape[0] for shape in inputs)), repeats, (4 + nc, points, 1))

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        nc, channels = arguments
        box, cls = hidden_widths(nc, channels[0])
        costs = []
        for c, height, width in inputs:
            for hidden, out in ((box, 4 * BINS), (cls, nc)):
                size = (height, width)
                costs += [conv_cost(3, c, hidden, size), conv_cost(3, hidden, hidden, size)]
                costs.append(conv_cost(1, hidden, out, size, after="bias"))
        # The DFL's frozen kernel runs over 4 sides of every point.
        points = sum(height * width for _, height, width in inputs)
        return [*costs, conv_cost(1, BINS, 1, (4, points), after="nothing")]
