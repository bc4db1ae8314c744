"""Task-aligned assignment of anchors to ground truth (TOOD, arXiv 2108.07755)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nas.proxies.iou import iou


class Assignment(NamedTuple):
    """What every anchor should predict.

    ``boxes`` (B, A, 4) corners in pixels (of some box where there is no positive), ``scores`` (B, nc, A) soft class
    targets, ``positive`` (B, A) bool, ``owner`` (B, A) the ground truth an anchor belongs to (0 for background).
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
    alpha: float = 0.5,
    beta: float = 6.0,
    min_side: float = 16.0,
) -> Assignment:
    """Assigns by t = s^alpha * u^beta, s the class probability and u the overlap (CIoU, at least 0).

    Candidates of a ground truth are the points strictly inside it (a side shorter than ``min_side`` counts as that
    long here), its ``topk`` largest t are kept, and a point kept by several goes to the one it overlaps most.
    The class target is t scaled so that each ground truth's best anchor gets its best overlap.

    Args:
        probabilities: (B, nc, A) in [0, 1]. boxes: (B, A, 4) corners in pixels. points: (A, 2) in pixels.
        truths: (B, M, 5) class, x1, y1, x2, y2 in pixels, padded. valid: (B, M) bool, false for padding.
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
    metric = score**alpha * overlap**beta

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
