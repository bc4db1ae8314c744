"""Task-aligned assignment of anchors to ground truth (TOOD, arXiv 2108.07755)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nas.proxies.iou import iou


class Assignment(NamedTuple):
    """Targets of every anchor.

    ``boxes`` (B, A, 4) corners in pixels (of some box where there is no positive), ``scores`` (B, nc, A) soft class
    targets, ``positive`` (B, A) bool, ``owner`` (B, A) the ground truth an anchor belongs to (0 for background).
    """

    boxes: Tensor
    scores: Tensor
    positive: Tensor
    owner: Tensor


ALPHA, BETA = 0.5, 6.0
"""Exponents of the class probability and of the overlap."""


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
    """Assign anchors to ground truths by t = s^alpha * u^beta: class probability s, overlap u (CIoU, at least 0).

    Candidates of a ground truth are the points strictly inside it; a side shorter than ``min_side`` counts as that
    long. The ``topk`` candidates with the largest t are positive. A point that several ground truths choose goes to the
    one that it overlaps most. The class target is t, scaled so that the best anchor of each ground truth gets its best
    overlap.

    Args:
        probabilities: Class probabilities, (B, nc, A).
        boxes: Predicted corners in pixels, (B, A, 4).
        points: Anchor points in pixels, (A, 2).
        truths: Class, x1, y1, x2, y2 in pixels, padded, (B, M, 5).
        valid: False for padding, (B, M).
        topk: Candidates of each ground truth.
        min_side: The shortest side of a ground truth in pixels.
    """
    batch, nc, anchors = probabilities.shape
    # u^beta underflows in half precision.
    probabilities, boxes, truths = probabilities.float(), boxes.float(), truths.float()
    if truths.shape[1] == 0:
        return Assignment(
            torch.zeros_like(boxes),
            torch.zeros_like(probabilities),
            torch.zeros(batch, anchors, dtype=torch.bool, device=boxes.device),
            torch.zeros(batch, anchors, dtype=torch.long, device=boxes.device),
        )
    classes, corners = truths[..., 0].long(), truths[..., 1:]
    centre, half = (corners[..., :2] + corners[..., 2:]) / 2, (corners[..., 2:] - corners[..., :2]) / 2
    reach = half.clamp(min=min_side / 2)
    distance = (reach[:, :, None] - (points[None, None] - centre[:, :, None]).abs()).amin(-1)
    candidate = (distance > 1e-9) & valid[..., None]  # (B, M, A)

    overlap = iou(corners[:, :, None], boxes[:, None], "ciou").clamp(min=0) * candidate
    score = probabilities.gather(1, classes[..., None].expand(-1, -1, anchors))
    metric = score**ALPHA * overlap**BETA

    chosen = metric.topk(min(topk, anchors), dim=-1).indices
    # Padding and truths without enough candidates make topk return arbitrary anchors: mask after it.
    kept = torch.zeros_like(candidate).scatter(-1, chosen, True) & candidate
    shared = kept.sum(1, keepdim=True) > 1
    nearest = overlap.masked_fill(~candidate, -1).argmax(1, keepdim=True)
    kept = torch.where(shared, torch.zeros_like(kept).scatter(1, nearest, True), kept)

    metric, overlap = metric * kept, overlap * kept
    scaled = metric * overlap.amax(-1, keepdim=True) / (metric.amax(-1, keepdim=True) + 1e-9)
    positive, index = kept.any(1), kept.to(torch.uint8).argmax(1)
    weight = scaled.sum(1)  # an anchor belongs to one ground truth
    target = torch.zeros(batch, nc, anchors, device=boxes.device)
    target.scatter_(1, classes.gather(1, index)[:, None], weight[:, None])
    return Assignment(corners.gather(1, index[..., None].expand(-1, -1, 4)), target, positive, index)
