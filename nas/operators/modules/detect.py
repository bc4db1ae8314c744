"""The anchor-free detection head of YOLOv8, its box distribution and its decoding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import nn

from nas.operators.detect import BINS, DEPTH, hidden_widths
from nas.operators.modules.conv import Conv


class Predictions(NamedTuple):
    """Raw output of the head in training, for the A points of all levels.

    Attributes:
        boxes: (B, 4 bins, A) logits of the distances left, top, right, bottom, ordered by side.
        scores: (B, nc, A) class logits.
    """

    boxes: torch.Tensor
    scores: torch.Tensor


class DFL(nn.Module):
    """Expected value of each side's distribution (GFL, arXiv 2006.04388): (B, 4 bins, A) -> (B, 4, A)."""

    def __init__(self, bins: int = BINS) -> None:
        super().__init__()
        self.bins = bins
        self.conv = nn.Conv2d(bins, 1, 1, bias=False).requires_grad_(False)
        self.conv.weight.data[:] = torch.arange(bins, dtype=torch.float).view(1, bins, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, points = x.shape
        bins = x.view(batch, 4, self.bins, points).transpose(2, 1).softmax(1)
        return cast(torch.Tensor, self.conv(bins).view(batch, 4, points))


def grid(shapes: Sequence[tuple[int, int]], strides: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of all cells.

    Args:
        shapes: Height and width of each map.
        strides: Stride of each map, in pixels.

    Returns:
        Cell centers (A, 2) as x, y in cells, row by row, and the stride (A,) of each.
    """
    points, sizes = [], []
    for (height, width), stride in zip(shapes, strides, strict=True):
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        points.append(torch.stack((x, y), -1).view(-1, 2))
        sizes.append(torch.full((height * width,), float(stride)))
    return torch.cat(points), torch.cat(sizes)


class Head(nn.Module):
    """Base of the heads: it reads maps of some strides and knows the points of their cells.

    Args:
        strides: Pixels of a cell of each map.
    """

    strides: Sequence[int] = (8, 16, 32)
    """Of a head that was pickled before heads had strides of their own."""

    def __init__(self, strides: Sequence[int]) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self._grid: tuple[list[tuple[int, int]], torch.Tensor, torch.Tensor] | None = None

    def _points(self, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Points (1, 2, A) and strides (A,) of these maps. They are cached, so that exports see constants."""
        shapes, like = [(int(x.shape[2]), int(x.shape[3])) for x in maps], maps[0]
        if self._grid is None or self._grid[0] != shapes or self._grid[1].device != like.device:
            points, strides = grid(shapes, self.strides)
            self._grid = (shapes, points.T[None].to(like.device), strides.to(like.device))
        return self._grid[1].to(like.dtype), self._grid[2].to(like.dtype)


class Detect(Head):
    """Per level a box branch and a class branch, each of two 3x3 and one 1x1 convolution. Row arguments: [nc].

    Reads maps (B, c_l, H_l, W_l), or a single one. Returns `Predictions` in training, and otherwise (B, 4 + nc, A):
    center x, center y, width, height in input pixels, and class probabilities. With ``legacy`` False (row arguments
    [nc, False]) the class branch is that of YOLO11 and later: its 3x3 convolutions are depthwise, each followed by a
    1x1. With 1 of ``bins`` the head predicts the distance of a side directly.
    """

    groups = 1
    """Groups of the box convolutions after the first one."""
    box_bias = 2.0
    """Initial bias of the box branches."""
    hidden_widths = staticmethod(hidden_widths)

    def __init__(
        self, nc: int, channels: Sequence[int], legacy: bool = True, bins: int = BINS, *, strides: Sequence[int]
    ):
        super().__init__(strides)
        self._build(nc, channels, self.hidden_widths(nc, channels[0], bins), legacy, bins)

    def _build(
        self, nc: int, channels: Sequence[int], widths: tuple[int, int], legacy: bool, bins: int, depth: int = DEPTH
    ) -> None:
        """Create the branches, of ``depth`` 3x3 convolutions with these channels inside (box, class)."""
        self.nc, self._channels, self._legacy, self._depth = nc, tuple(channels), legacy, depth
        box, cls = widths
        self.cv2 = nn.ModuleList(
            nn.Sequential(
                Conv(c, box, 3),
                *(Conv(box, box, 3, g=self.groups) for _ in range(depth - 1)),
                nn.Conv2d(box, 4 * bins, 1, groups=self.groups),
            )
            for c in channels
        )
        self.cv3 = self.class_branches(cls)
        self.dfl = DFL(bins) if bins > 1 else nn.Identity()
        for stride, box_branch, class_branch in zip(self.strides, self.cv2, self.cv3, strict=True):
            box_bias = cast(nn.Conv2d, cast(nn.Sequential, box_branch)[-1]).bias
            class_bias = cast(nn.Conv2d, cast(nn.Sequential, class_branch)[-1]).bias
            assert box_bias is not None and class_bias is not None
            box_bias.data[:] = self.box_bias
            # The probability that a point holds an object of a class: about five objects in an image of 640 pixels.
            class_bias.data[:] = math.log(5 / nc / (640 / stride) ** 2)

    def class_branches(self, hidden: int) -> nn.ModuleList:
        """Class branches of the levels, with ``hidden`` channels inside."""
        legacy, nc = self._legacy, self.nc
        return nn.ModuleList(
            nn.Sequential(
                _spatial(c, hidden, legacy),
                *(_spatial(hidden, hidden, legacy) for _ in range(self._depth - 1)),
                nn.Conv2d(hidden, nc, 1),
            )
            for c in self._channels
        )

    def forward(self, maps: Sequence[torch.Tensor] | torch.Tensor) -> Predictions | torch.Tensor:
        maps = listed(maps)
        predictions = predict(self.cv2, self.cv3, maps)
        return predictions if self.training else self.decode(predictions, maps)

    def decode(self, predictions: Predictions, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Boxes in pixels and probabilities (B, 4 + nc, A) of predictions from maps of these sizes."""
        points, strides = self._points(maps)
        near, far = self.dfl(predictions.boxes).chunk(2, 1)
        center, size = points + (far - near) / 2, near + far
        return torch.cat((torch.cat((center, size), 1) * strides, predictions.scores.sigmoid()), 1)


def listed(maps: Sequence[torch.Tensor] | torch.Tensor) -> Sequence[torch.Tensor]:
    """Maps as a list; a row that reads a single map gets it without one."""
    return [maps] if isinstance(maps, torch.Tensor) else maps


def predict(boxes: nn.ModuleList, classes: nn.ModuleList, maps: Sequence[torch.Tensor]) -> Predictions:
    """Raw predictions of a box branch and a class branch for each level."""
    return Predictions(
        *(
            torch.cat([branch(x).flatten(2) for branch, x in zip(branches, maps, strict=True)], 2)
            for branches in (boxes, classes)
        )
    )


def _spatial(c1: int, c2: int, legacy: bool) -> nn.Module:
    return Conv(c1, c2, 3) if legacy else nn.Sequential(Conv(c1, c1, 3, g=c1), Conv(c1, c2, 1))
