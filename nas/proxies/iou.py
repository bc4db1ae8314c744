"""Overlap of axis-aligned boxes: IoU, GIoU, DIoU and CIoU."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EPS = 1e-7
"""Keeps divisions finite."""


def iou(a: Tensor, b: Tensor, kind: str = "iou") -> Tensor:
    """Overlap of two sets of boxes, elementwise after broadcasting.

    Args:
        a: (..., 4), corners x1, y1, x2, y2.
        b: (..., 4), corners in the same unit.
        kind: ``iou``; ``giou`` (Rezatofighi et al., CVPR 2019); ``diou`` or ``ciou`` (Zheng et al., AAAI 2020). The
            trade-off factor of CIoU has no gradient.

    Returns:
        (...), from 0 to 1 for ``iou``, otherwise above -2 and at most 1.

    Raises:
        ValueError: The kind is unknown.
    """
    ax1, ay1, ax2, ay2 = a.unbind(-1)
    bx1, by1, bx2, by2 = b.unbind(-1)
    aw, ah, bw, bh = ax2 - ax1, ay2 - ay1 + EPS, bx2 - bx1, by2 - by1 + EPS
    width = (torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)).clamp(min=0)
    height = (torch.minimum(ay2, by2) - torch.maximum(ay1, by1)).clamp(min=0)
    shared = width * height
    union = aw * ah + bw * bh - shared + EPS
    overlap = shared / union
    if kind == "iou":
        return overlap
    outer_w = torch.maximum(ax2, bx2) - torch.minimum(ax1, bx1)
    outer_h = torch.maximum(ay2, by2) - torch.minimum(ay1, by1)
    if kind == "giou":
        outer = outer_w * outer_h + EPS
        return overlap - (outer - union) / outer
    distance = ((bx1 + bx2 - ax1 - ax2) ** 2 + (by1 + by2 - ay1 - ay2) ** 2) / 4
    diou = overlap - distance / (outer_w**2 + outer_h**2 + EPS)
    if kind == "diou":
        return diou
    if kind != "ciou":
        raise ValueError(f"unknown kind of overlap {kind!r}")
    v = (4 / math.pi**2) * (torch.atan(bw / bh) - torch.atan(aw / ah)) ** 2
    with torch.no_grad():
        factor = v / (1 - overlap + v + EPS)
    return diou - factor * v
