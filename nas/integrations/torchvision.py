"""A CPU build of torch beside PyPI's CUDA build of torchvision: the operator that then fails to load.

Source: facts on torchvision without its compiled operators; see the torchvision documentation of ``ops.nms``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

import torch

BLOCK = 256
"""Boxes that are compared at once with all that are left."""

_libraries: list[torch.library.Library] = []


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression: boxes (N, 4) as x1, y1, x2, y2, scores (N,) -> kept indices, best first.

    Fast, since Ultralytics leaves out the images of a batch that it has no time left for.
    """
    kept = torch.cat([_kept(boxes, scores, iou_threshold, island) for island in _islands(boxes)]).sort().values
    return kept[scores[kept].argsort(descending=True, stable=True)]


def _islands(boxes: torch.Tensor) -> list[torch.Tensor]:
    """Indices in groups, such that no two boxes of different groups overlap. Ultralytics moves each class to a place of
    its own, so that these are the classes."""
    order = boxes[:, 0].argsort()
    left, reach = boxes[order, 0], boxes[order, 2].cummax(0).values
    first = (left[1:] > reach[:-1]).nonzero()[:, 0] + 1
    return list(order.tensor_split(first))


def _kept(boxes: torch.Tensor, scores: torch.Tensor, threshold: float, among: torch.Tensor) -> torch.Tensor:
    """Those ``among`` them that no better one that is kept overlaps."""
    among = among.sort().values  # of equal scores, the first
    left = among[scores[among].argsort(descending=True, stable=True)]
    kept = []
    while len(left):
        block, left = left[:BLOCK], left[BLOCK:]
        beats = _overlap(boxes[block], boxes[block], threshold).triu(1)
        # Greedy suppression is the fixed point of "kept if no kept better one beats it": t rounds settle the first t.
        keep = torch.ones(len(block), dtype=torch.bool)
        while not torch.equal(update := ~beats[keep].any(0), keep):
            keep = update
        kept.append(block[keep])
        left = left[~_overlap(boxes[kept[-1]], boxes[left], threshold).any(0)]
    return torch.cat(kept) if kept else among


def _overlap(a: torch.Tensor, b: torch.Tensor, threshold: float) -> torch.Tensor:
    """Which of ``a`` (N, 4) overlap which of ``b`` (M, 4) by more than that share of their union: (N, M)."""
    ax1, ay1, ax2, ay2 = a.float()[:, None].unbind(-1)
    bx1, by1, bx2, by2 = b.float().unbind(-1)
    width = (torch.minimum(ax2, bx2) - torch.maximum(ax1, bx1)).clamp_(min=0)
    shared = width.mul_((torch.minimum(ay2, by2) - torch.maximum(ay1, by1)).clamp_(min=0))
    # Without a division, which empty boxes would turn into NaN.
    return shared > threshold * ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared)


def mend_torchvision() -> bool:
    """Give torchvision the operators that its compiled library would bring, if they are missing.

    Returns whether anything was mended. Must run before the first ``import torchvision``; does nothing where the
    compiled library loads or torchvision is not installed.
    """
    if importlib.util.find_spec("torchvision") is None:
        return False
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    else:
        return False
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", nms, "CPU")
    _libraries.append(library)  # the definitions live as long as this object
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the failed import left behind
    importlib.import_module("torchvision")
    # Only now: while it is imported, torchvision would ask for all of its operators.
    importlib.import_module("torchvision.extension")._has_ops = lambda: True  # type: ignore[attr-defined]
    return True
