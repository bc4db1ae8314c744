"""Greedy non-maximum suppression."""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 256
"""Boxes that are compared at once with all that are left."""


def greedy(beats: Tensor, candidates: Tensor) -> Tensor:
    """Greedy suppression among boxes that are sorted by score: a box falls if a better one that is kept beats it.

    Args:
        beats: bool (B, N, N); [b, i, j] is True if box i of image b suppresses box j. False for i >= j and for every
            i that is no candidate.
        candidates: bool (B, N); the boxes to choose from.

    Returns:
        bool (B, N); the boxes that are kept.
    """
    weights = beats.float()
    kept = candidates
    while True:
        # Greedy suppression is the fixed point of "kept if no kept better one beats it": t rounds settle the first t.
        update = candidates & ~(torch.bmm(kept[:, None].float(), weights)[:, 0] > 0)
        if torch.equal(update, kept):
            return kept
        kept = update


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression, as ``torchvision.ops.nms``.

    It is fast, because Ultralytics drops the images of a batch for which its time runs out.

    Args:
        boxes: (N, 4) corners x1, y1, x2, y2.
        scores: (N,).
        iou_threshold: A box falls if its overlap with a better one exceeds this share of their union.

    Returns:
        The indices of the boxes that are kept, best first.
    """
    kept = torch.cat([_kept(boxes, scores, iou_threshold, group) for group in _groups(boxes)]).sort().values
    return kept[scores[kept].argsort(descending=True, stable=True)]


def _groups(boxes: Tensor) -> list[Tensor]:
    """Indices in groups: boxes of different groups do not overlap. Ultralytics shifts each class to its own region, so
    each group holds one class."""
    order = boxes[:, 0].argsort()
    left, right = boxes[order, 0], boxes[order, 2].cummax(0).values
    first = (left[1:] > right[:-1]).nonzero()[:, 0] + 1
    return list(order.tensor_split(first))


def _kept(boxes: Tensor, scores: Tensor, threshold: float, group: Tensor) -> Tensor:
    """The boxes of a group that no better kept one overlaps."""
    group = group.sort().values  # of equal scores, the first
    left = group[scores[group].argsort(descending=True, stable=True)]
    kept = []
    while len(left):
        block, left = left[:BLOCK], left[BLOCK:]
        beats = _overlap(boxes[block], boxes[block], threshold).triu(1)
        keep = greedy(beats[None], torch.ones(1, len(block), dtype=torch.bool))[0]
        kept.append(block[keep])
        left = left[~_overlap(boxes[kept[-1]], boxes[left], threshold).any(0)]
    return torch.cat(kept) if kept else group


def _overlap(a: Tensor, b: Tensor, threshold: float) -> Tensor:
    """True where a box of ``a`` (N, 4) and one of ``b`` (M, 4) overlap by more than a share of their union: (N, M)."""
    ax1, ay1, ax2, ay2 = a.float()[:, None].unbind(-1)
    bx1, by1, bx2, by2 = b.float().unbind(-1)
    width = (torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)).clamp_(min=0)
    shared = width.mul_((torch.minimum(ay2, by2) - torch.maximum(ay1, by1)).clamp_(min=0))
    # Without a division, which empty boxes would turn into NaN.
    return shared > threshold * ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared)
