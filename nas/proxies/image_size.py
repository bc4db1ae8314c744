"""Image size of a proxy, chosen from the sizes of the objects in the training images.

Importing this module does not import torch.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.data.dataset import Dataset

USUAL = 64
"""The usual size in pixels, and the smallest one. Most data needs no more, and a training takes seconds."""
LARGEST = 256
"""The largest size that the rule chooses, in pixels. A training then takes 16 times as long as at `USUAL`."""
STEP = 32
"""Distance between two sizes in pixels: the largest stride of the stock heads."""
CELL = 8
"""Least pixels of the median object's shorter side: a cell of the finest grid of the stock heads, stride 8.

A box that covers a cell contains a point of the grid. A narrower one may lie between the points, or share one with its
neighbor, and the detector learns little from it.
"""


def object_side(dataset: Dataset) -> float:
    """The median of the shorter sides of the training boxes, as a share of the image's side."""
    shorter = [min(x2 - x1, y2 - y1) for boxes in dataset.train.boxes for _, x1, y1, x2, y2 in boxes.tolist()]
    side: int = dataset.train.images.shape[-1]
    median: float = statistics.median(shorter)
    return median / side


def choose_imgsz(side: float, deployment: int) -> int:
    """The smallest image size at which the median object covers a cell.

    Args:
        side: The median shorter side of the objects, as a share of the image's side.
        deployment: Image size at deployment in pixels. The proxy does not exceed it, but for the usual size.

    Returns:
        A size from `USUAL` to `LARGEST` in pixels. It is the last one if the objects are smaller than a cell in all.

    Example:
        >>> choose_imgsz(0.15, 320), choose_imgsz(0.06, 320), choose_imgsz(0.01, 320), choose_imgsz(0.01, 192)
        (64, 160, 256, 192)
    """
    sizes = range(USUAL, max(USUAL, min(LARGEST, deployment)) + 1, STEP)
    return next((size for size in sizes if side * size >= CELL), sizes[-1])
