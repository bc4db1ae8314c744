"""Greedy class-wise non-maximum suppression."""

from __future__ import annotations

import torch
from torch import Tensor

from nas.detectors.nms import greedy
from nas.proxies.iou import iou


@torch.no_grad()
def nms(
    predictions: Tensor,
    *,
    threshold: float = 0.001,
    overlap: float = 0.7,
    max_candidates: int = 300,
    max_detections: int = 100,
) -> list[Tensor]:
    """Detections of a batch, best first: per image (n, 6) x1, y1, x2, y2, score, class in pixels.

    Every (anchor, class) pair scoring above ``threshold`` is a candidate, the ``max_candidates`` best of an image are
    compared, and a candidate falls to a better one of its class that overlaps it by more than ``overlap``.

    Args:
        predictions: (B, 4 + nc, A) cx, cy, w, h in pixels, then class probabilities.
    """
    batch, anchors = predictions.shape[0], predictions.shape[2]
    scores = predictions[:, 4:].reshape(batch, -1)
    best, pair = scores.topk(min(max_candidates, scores.shape[1]), dim=-1)  # sorted
    classes, anchor = pair // anchors, pair % anchors
    centre, size = predictions[:, :2], predictions[:, 2:4]
    corners = torch.cat((centre - size / 2, centre + size / 2), 1)
    boxes = corners.gather(2, anchor[:, None].expand(-1, 4, -1)).transpose(1, 2)
    alive = best > threshold

    # Image by image: the pairs of one fit into a cache, those of a batch are five times as slow.
    beats = torch.stack([iou(image[:, None], image) > overlap for image in boxes])
    beats &= classes[:, :, None] == classes[:, None]
    beats = beats.triu(1) & alive[:, :, None]
    kept = greedy(beats, alive)
    rows = torch.cat((boxes, best[..., None], classes[..., None].to(boxes.dtype)), -1)
    return [image[keep][:max_detections] for image, keep in zip(rows, kept, strict=True)]
