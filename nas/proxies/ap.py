"""COCO average precision of detections held in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from torch import Tensor


def average_precision(detections: Sequence[Tensor], truths: Sequence[Tensor], nc: int) -> float:
    """COCO's AP50-95: the mean over ten IoU thresholds, and over the classes that occur in ``truths``.

    Args:
        detections: By image, (n, 6): x1, y1, x2, y2 in pixels, score, class. The best 100 of each class count.
        truths: By image, (m, 5): class, x1, y1, x2, y2 in pixels.
        nc: Number of classes.

    Returns:
        AP50-95, from 0 to 1.

    Raises:
        ValueError: The numbers of images differ, or there is no ground-truth box, so AP is undefined.
    """
    if len(detections) != len(truths):
        raise ValueError(f"{len(detections)} images of detections for {len(truths)} images of ground truth")
    boxes = [(image, *row) for image, rows in enumerate(truths) for row in rows.tolist()]
    if not boxes:
        raise ValueError("average precision needs at least one ground-truth box")
    found = [_columns(image, rows) for image, rows in enumerate(detections) if len(rows)]
    if not found:
        return 0.0
    truth = COCO(
        {
            "images": [{"id": image} for image in range(len(truths))],
            "categories": [{"id": cls, "name": str(cls)} for cls in range(nc)],
            "annotations": [
                {
                    "id": number,
                    "image_id": image,
                    "category_id": int(cls),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
                for number, (image, cls, x1, y1, x2, y2) in enumerate(boxes, 1)
            ],
        }
    )
    evaluation = COCOeval_faster(truth, truth.loadRes(np.concatenate(found)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    value = float(evaluation.stats[0])
    if not math.isfinite(value):
        raise ValueError("average precision is not finite")
    return value


def _columns(image: int, rows: Tensor) -> np.ndarray:
    """Detections of one image in the columns of faster-coco-eval: image, x, y, w, h, score, class."""
    values = rows.double().cpu().numpy()
    corner, size = values[:, :2], values[:, 2:4] - values[:, :2]
    return np.column_stack([np.full(len(values), image), corner, size, values[:, 4:]])
