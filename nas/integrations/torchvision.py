"""A CPU build of torch beside PyPI's CUDA build of torchvision: the operator that then fails to load.

Source: facts on torchvision without its compiled operators; see the torchvision documentation of ``ops.nms``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

import torch

_libraries: list[torch.library.Library] = []


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression: boxes (N, 4) as x1, y1, x2, y2, scores (N,) -> kept indices, best first."""
    order = scores.argsort(descending=True, stable=True)
    x1, y1, x2, y2 = boxes[order].float().unbind(1)
    area = (x2 - x1) * (y2 - y1)
    alive = torch.ones(len(order), dtype=torch.bool)
    kept = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(order[i])
        width = (torch.minimum(x2[i], x2[i + 1 :]) - torch.maximum(x1[i], x1[i + 1 :])).clamp(min=0)
        height = (torch.minimum(y2[i], y2[i + 1 :]) - torch.maximum(y1[i], y1[i + 1 :])).clamp(min=0)
        overlap = width * height
        # Overlap over union above the threshold, without a division that empty boxes would turn into NaN.
        alive[i + 1 :] &= ~(overlap > iou_threshold * (area[i] + area[i + 1 :] - overlap))
    return torch.stack(kept) if kept else order


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
