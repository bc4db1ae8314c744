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
    """Losses of one batch; scalars, multiplied by their gains.

    Attributes:
        total: Sum of the other three.
        box: CIoU loss of the boxes.
        cls: Binary cross-entropy of the classes.
        dfl: Distribution focal loss of the sides of the boxes.
    """

    total: Tensor
    box: Tensor
    cls: Tensor
    dfl: Tensor


def distances(logits: Tensor) -> Tensor:
    """Expected distances from an anchor to the sides of its box (Li et al., GFL, NeurIPS 2020, equation 5).

    Args:
        logits: (..., 4, R), logits of the R bins of each side.

    Returns:
        (..., 4), distances in cells.
    """
    bins = torch.arange(logits.shape[-1], dtype=logits.dtype, device=logits.device)
    return logits.softmax(-1) @ bins


def dfl(logits: Tensor, target: Tensor) -> Tensor:
    """Distribution focal loss (Li et al., GFL, NeurIPS 2020, equation 6).

    Args:
        logits: (P, 4, R), logits of the R bins of each side.
        target: (P, 4), distances in cells. They are clipped to R - 1 - 0.01, the largest distance of the bins.

    Returns:
        (P,), means over the four sides.
    """
    target = target.clamp(0, logits.shape[-1] - 1 - 0.01)
    low = target.long()
    share = (target - low).unsqueeze(-1)
    log_p = logits.log_softmax(-1)
    left, right = log_p.gather(-1, low[..., None]), log_p.gather(-1, low[..., None] + 1)
    return -(left * (1 - share) + right * share).squeeze(-1).mean(-1)


class DetectionLoss:
    """CIoU, binary cross-entropy and DFL on task-aligned targets, in float32.

    The default constants are those of the stock YOLO trainers. Sums are divided by the sum of the soft targets, or by 1
    if that is less. So a batch without boxes has box and DFL losses of 0, which still have gradients. Unlike in the
    stock trainers, the losses are not multiplied by the batch size.

    Args:
        imgsz: Side of the images in pixels.
        strides: Strides of the head's levels in pixels.
        topk: Largest number of anchors that are assigned to one ground-truth box.
        gains: Gains of the box, class and DFL losses.
        device: Torch device of the predictions.
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
        self.min_side = float(sorted(strides)[min(1, len(strides) - 1)])

    def __call__(self, boxes: Tensor, scores: Tensor, truths: Tensor, valid: Tensor) -> Losses:
        """The losses of a batch.

        Args:
            boxes: (B, 4R, A), logits of the R bins of each side; the bins of a side are adjacent.
            scores: (B, nc, A), logits of the classes.
            truths: (B, M, 5), ground truth: class, x1, y1, x2, y2 in pixels, padded.
            valid: bool (B, M); False for padding.
        """
        batch, channels, anchors = boxes.shape
        logits = boxes.float().view(batch, 4, channels // 4, anchors).permute(0, 3, 1, 2)
        scores = scores.float()
        sides = distances(logits)
        corners = torch.cat((self.points - sides[..., :2], self.points + sides[..., 2:]), -1)  # cells
        target = assign(
            scores.detach().sigmoid(),
            corners.detach() * self.scale,
            self.points * self.scale,
            truths,
            valid,
            topk=self.topk,
            min_side=self.min_side,
        )
        total = target.scores.sum().clamp(min=1)
        cls = F.binary_cross_entropy_with_logits(scores, target.scores, reduction="sum") / total

        positive = target.positive
        weight = target.scores.sum(1)[positive]
        target_corners = (target.boxes / self.scale)[positive]  # cells, as the prediction
        points = self.points.expand(batch, -1, -1)[positive]
        target_sides = torch.cat((points - target_corners[:, :2], target_corners[:, 2:] - points), -1)
        # The sum over no anchor is a zero that still has a gradient.
        box = ((1 - iou(corners[positive], target_corners, "ciou")) * weight).sum() / total
        focal = (dfl(logits[positive], target_sides) * weight).sum() / total
        box, cls, focal = box * self.gains[0], cls * self.gains[1], focal * self.gains[2]
        return Losses(box + cls + focal, box, cls, focal)
