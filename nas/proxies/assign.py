"""Task-aligned assignment of anchors to ground truth (Feng et al., TOOD, ICCV 2021, section 3.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nas.proxies.iou import iou

ALPHA = 0.5
"""Exponent of the class probability in the alignment metric, as in the stock YOLO trainers."""
BETA = 6.0
"""Exponent of the overlap in the alignment metric, as in the stock YOLO trainers."""


class Assignment(NamedTuple):
    """Training targets of every anchor, for B images, A anchors and ``nc`` classes.

    Attributes:
        boxes: (B, A, 4), corners x1, y1, x2, y2 in pixels. The box of a background anchor has no meaning.
        scores: (B, nc, A), soft class targets from 0 to 1.
        positive: bool (B, A); False for background.
        owner: int64 (B, A), index of the ground-truth box to which an anchor is assigned; 0 for background.
    """

    boxes: Tensor
    scores: Tensor
    positive: Tensor
    owner: Tensor


@torch.no_grad()
def assign(
    probabilities: Tensor,
    boxes: Tensor,
    points: Tensor,
    truths: Tensor,
    valid: Tensor,
    *,
    topk: int = 10,
    min_side: float = 16.0,
) -> Assignment:
    """Assign anchors to ground-truth boxes by the alignment metric t = s^`ALPHA` * u^`BETA`.

    Here s is the predicted probability of the true class, and u is the CIoU of predicted and true box, at least 0.
    The candidates of a ground-truth box are the anchors whose points lie inside it. The ``topk`` candidates with the
    largest t are assigned to the box. An anchor that is assigned to several boxes stays with the one that it overlaps
    most. The class target of an anchor is its t, scaled so that the largest target of each box equals the box's
    largest overlap.

    Args:
        probabilities: (B, nc, A), predicted class probabilities.
        boxes: (B, A, 4), predicted corners x1, y1, x2, y2 in pixels.
        points: (A, 2), centers of the anchors in pixels.
        truths: (B, M, 5), ground truth: class, x1, y1, x2, y2 in pixels, padded.
        valid: bool (B, M); False for padding.
        topk: Largest number of anchors that are assigned to one ground-truth box.
        min_side: Smallest side of a ground-truth box in pixels, when its candidates are chosen. A shorter side counts
            as this long.

    Returns:
        The targets of every anchor.
    """
    # u^beta underflows in half precision.
    probabilities, boxes, truths = probabilities.float(), boxes.float(), truths.float()
    if truths.shape[1] == 0:
        return _background(probabilities, boxes)
    classes, corners = truths[..., 0].long(), truths[..., 1:]
    candidate = _points_inside(points, corners, min_side) & valid[..., None]  # (B, M, A)
    overlap = iou(corners[:, :, None], boxes[:, None], "ciou").clamp(min=0) * candidate
    score = probabilities.gather(1, classes[..., None].expand(-1, -1, points.shape[0]))
    metric = score**ALPHA * overlap**BETA

    assigned = _best_candidates(metric, overlap, candidate, topk)
    metric, overlap = metric * assigned, overlap * assigned
    scaled = metric * overlap.amax(-1, keepdim=True) / (metric.amax(-1, keepdim=True) + 1e-9)
    positive, owner = assigned.any(1), assigned.to(torch.uint8).argmax(1)
    weight = scaled.sum(1)  # an anchor is assigned to one box at most
    scores = torch.zeros_like(probabilities)
    scores.scatter_(1, classes.gather(1, owner)[:, None], weight[:, None])
    return Assignment(corners.gather(1, owner[..., None].expand(-1, -1, 4)), scores, positive, owner)


def _background(probabilities: Tensor, boxes: Tensor) -> Assignment:
    """The assignment of images without ground truth."""
    shape = boxes.shape[:2]
    return Assignment(
        torch.zeros_like(boxes),
        torch.zeros_like(probabilities),
        torch.zeros(shape, dtype=torch.bool, device=boxes.device),
        torch.zeros(shape, dtype=torch.long, device=boxes.device),
    )


def _points_inside(points: Tensor, corners: Tensor, min_side: float) -> Tensor:
    """True where a point lies strictly inside a ground-truth box: bool (B, M, A)."""
    center, half = (corners[..., :2] + corners[..., 2:]) / 2, (corners[..., 2:] - corners[..., :2]) / 2
    half = half.clamp(min=min_side / 2)
    margin = (half[:, :, None] - (points[None, None] - center[:, :, None]).abs()).amin(-1)
    return margin > 1e-9


def _best_candidates(metric: Tensor, overlap: Tensor, candidate: Tensor, topk: int) -> Tensor:
    """True where an anchor is assigned to a ground-truth box, to one at most: bool (B, M, A)."""
    best = metric.topk(min(topk, metric.shape[-1]), dim=-1).indices
    # For padding, and for boxes with too few candidates, topk returns arbitrary anchors: mask them afterwards.
    assigned = torch.zeros_like(candidate).scatter(-1, best, True) & candidate
    shared = assigned.sum(1, keepdim=True) > 1
    most_overlapped = overlap.masked_fill(~candidate, -1).argmax(1, keepdim=True)
    return torch.where(shared, torch.zeros_like(assigned).scatter(1, most_overlapped, True), assigned)
