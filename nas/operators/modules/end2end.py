"""The head of YOLOv10 and YOLO26 that needs no NMS.

`Detect` with a second pair of branches, trained to find each object once.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.1 (consistent dual
assignments).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from nas.operators.detect import BINS
from nas.operators.modules.detect import Detect, Predictions, listed, predict

MOST = 300
"""Largest number of detections of an image."""


class DualPredictions(NamedTuple):
    """Raw output of both pairs of branches in training; ``one2one`` sends no gradient into the maps."""

    one2many: Predictions
    one2one: Predictions


class EndToEndDetect(Detect):
    """`Detect` with copies of its branches for one-to-one assignment. Row arguments: [nc, bins=16, legacy=False].

    Returns `DualPredictions` in training. Otherwise the flag ``end2end`` decides. False, the initial value: the output
    of `Detect`, from the one-to-many branches. True: (B, k, 6), that is x1, y1, x2, y2 in input pixels, score and class
    of the k = min(300, A) best. `fuse` drops the branches that the flag does not select.
    """

    def __init__(
        self, nc: int, channels: Sequence[int], bins: int = BINS, legacy: bool = False, *, strides: Sequence[int]
    ):
        super().__init__(nc, channels, legacy, bins, strides=strides)
        self.one2one_cv2, self.one2one_cv3 = copy.deepcopy(self.cv2), copy.deepcopy(self.cv3)
        self.end2end = False

    def forward(  # type: ignore[override]
        self, maps: Sequence[torch.Tensor] | torch.Tensor
    ) -> DualPredictions | torch.Tensor:
        maps = listed(maps)
        if self.training:
            one2one = predict(self.one2one_cv2, self.one2one_cv3, [x.detach() for x in maps])
            return DualPredictions(predict(self.cv2, self.cv3, maps), one2one)
        if not self.end2end:
            return self.decode(predict(self.cv2, self.cv3, maps), maps)
        return self.select(self.decode(predict(self.one2one_cv2, self.one2one_cv3, maps), maps))

    def select(self, decoded: torch.Tensor) -> torch.Tensor:
        """Select the best (point, class) pairs among the points with the best classes: (B, 4 + nc, A) -> (B, k, 6)."""
        center, size, scores = decoded.transpose(1, 2).split((2, 2, self.nc), 2)
        corners = torch.cat((center - size / 2, center + size / 2), 2)
        k = min(MOST, scores.shape[1])
        points = scores.amax(2).topk(k).indices[:, :, None]
        best, pairs = scores.gather(1, points.expand(-1, -1, self.nc)).flatten(1).topk(k)
        chosen = points.gather(1, (pairs // self.nc)[:, :, None])
        classes = (pairs % self.nc).to(decoded.dtype)
        return torch.cat((corners.gather(1, chosen.expand(-1, -1, 4)), best[:, :, None], classes[:, :, None]), 2)

    def fuse(self) -> None:
        """Drop the pair of branches that ``end2end`` does not select, for inference."""
        dropped = ("cv2", "cv3") if self.end2end else ("one2one_cv2", "one2one_cv3")
        for name in dropped:
            setattr(self, name, nn.ModuleList())
