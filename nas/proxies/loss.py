"""Losses of an anchor-free head with task-aligned assignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nas.operators.modules.detect import grid
from nas.proxies.assign import assign
from nas.proxies.iou import iou


class Losses(NamedTuple):
    """Scalars, already weighted by their gains; ``total`` is their sum."""

    total: Tensor
    box: Tensor
    cls: Tensor
    dfl: Tensor


def distances(logits: Tensor) -> Tensor:
    """Expected side distances (..., 4) in cells from (..., 4, R) logits (GFL, arXiv 2006.04388)."""
    bins = torch.arange(logits.shape[-1], dtype=logits.dtype, device=logits.device)
    return logits.softmax(-1) @ bins


def dfl(logits: Tensor, target: Tensor) -> Tensor:
    """Distribution focal loss (P,), the mean over four sides: logits (P, 4, R), target (P, 4) in cells.

    Targets are clipped to R - 1 - 0.01, the largest distance the bins can express.
    """
    target = target.clamp(0, logits.shape[-1] - 1 - 0.01)
    low = target.long()
    share = (target - low).unsqueeze(-1)
    log_p = logits.log_softmax(-1)
    left, right = log_p.gather(-1, low[..., None]), log_p.gather(-1, low[..., None] + 1)
    return -(left * (1 - share) + right * share).squeeze(-1).mean(-1)


class DetectionLoss:
    """CIoU, binary cross-entropy and DFL on task-aligned targets, in fp32.

    Constants are the stock ones (gains 7.5 box, 0.5 class, 1.5 DFL; top 10, alpha 0.5, beta 6). The sums are divided
    by the total of the soft targets, at least 1, so a batch without boxes gives box and DFL losses of 0, still on the
    graph. Unlike the stock trainers the result is not multiplied by the batch size.
    """

    def __init__(
        self,
        imgsz: int,
        strides: Sequence[int],
        *,
        topk: int = 10,
        gains: tuple[float, float, float] = (7.5, 0.5, 1.5),
        device: torch.device | str = "cpu",
    ) -> None:
        points, scale = grid([(imgsz // stride, imgsz // stride) for stride in strides], strides)
        self.points, self.scale = points.to(device), scale[:, None].to(device)  # (A, 2) cells, (A, 1) pixels
        self.topk, self.gains = topk, gains
        self.min_side = float(sorted(strides)[1])

    def __call__(self, boxes: Tensor, scores: Tensor, truths: Tensor, valid: Tensor) -> Losses:
        """Losses of raw logits ``boxes`` (B, 4R, A), side-major, and ``scores`` (B, nc, A).

        ``truths`` (B, M, 5) are class, x1, y1, x2, y2 in pixels, ``valid`` (B, M) is false for padding rows.
        """
        batch, channels, anchors = boxes.shape
        logits = boxes.float().view(batch, 4, channels // 4, anchors).permute(0, 3, 1, 2)
        scores = scores.float()
        sides = distances(logits)
        corners = torch.cat((self.points - sides[..., :2], self.points + sides[..., 2:]), -1)  # cells
        goal = assign(
            scores.detach().sigmoid(),
            corners.detach() * self.scale,
            self.points * self.scale,
            truths,
            valid,
            topk=self.topk,
            min_side=self.min_side,
        )
        total = goal.scores.sum().clamp(min=1)
        cls = F.binary_cross_entropy_with_logits(scores, goal.scores, reduction="sum") / total

        positive = goal.positive
        weight = goal.scores.sum(1)[positive]
        target = (goal.boxes / self.scale)[positive]  # cells, as the prediction
        points = self.points.expand(batch, -1, -1)[positive]
        wanted = torch.cat((points - target[:, :2], target[:, 2:] - points), -1)
        # An empty selection sums to a zero that still carries a graph.
        box = ((1 - iou(corners[positive], target, "ciou")) * weight).sum() / total
        fine = (dfl(logits[positive], wanted) * weight).sum() / total
        box, cls, fine = box * self.gains[0], cls * self.gains[1], fine * self.gains[2]
        return Losses(box + cls + fine, box, cls, fine)
