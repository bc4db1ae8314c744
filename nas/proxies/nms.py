"""Greedy non-maximum suppression of a batch of predictions, class by class."""

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
    """Detections in a batch of predictions.

    Every pair of an anchor and a class is a candidate. Greedy suppression removes a candidate that a better one of the
    same class overlaps.

    Args:
        predictions: (B, 4 + nc, A): cx, cy, w, h in pixels, then class probabilities.
        threshold: Lowest class probability of a candidate.
        overlap: IoU above which the better candidate removes the other one.
        max_candidates: Number of candidates of an image that are compared; the best ones.
        max_detections: Largest number of detections of an image.

    Returns:
        By image, (n, 6): x1, y1, x2, y2 in pixels, score, class. The best detection comes first.
    """
    batch, anchors = predictions.shape[0], predictions.shape[2]
    scores = predictions[:, 4:].reshape(batch, -1)
    best, pair = scores.topk(min(max_candidates, scores.shape[1]), dim=-1)  # sorted
    classes, anchor = pair // anchors, pair % anchors
    center, size = predictions[:, :2], predictions[:, 2:4]
    corners = torch.cat((center - size / 2, center + size / 2), 1)
    boxes = corners.gather(2, anchor[:, None].expand(-1, 4, -1)).transpose(1, 2)
    above = best > threshold

    # Image by image: the pairs of one image fit into the cache. A batch at once takes five times as long.
    beats = torch.stack([iou(image[:, None], image) > overlap for image in boxes])
    beats &= classes[:, :, None] == classes[:, None]
    beats = beats.triu(1) & above[:, :, None]
    keep = greedy(beats, above)
    rows = torch.cat((boxes, best[..., None], classes[..., None].to(boxes.dtype)), -1)
    return [image[mask][:max_detections] for image, mask in zip(rows, keep, strict=True)]
