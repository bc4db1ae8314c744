"""Rows of detectors whose head is wider than the stock one.

Ultralytics takes over the class branch of the weights that a training starts from. A model fine-tuned from 80 classes
to one keeps 80 channels there, where its own rows build 64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from nas.detectors.rows import Detector, resolved
from nas.operators.detect import DEPTH, hidden_widths

_SIZE = 640
"""Any image size: widths do not depend on it."""


def class_width(weights: Mapping[str, Tensor]) -> int:
    """Channels inside the class branches of a state dict: the input of their last convolution; 0 if there are none."""
    return next((int(value.shape[1]) for key, value in weights.items() if key.endswith(".cv3.0.2.weight")), 0)


def with_class_width(detector: Detector, width: int) -> Detector:
    """The rows of a detector whose class branches have so many channels inside. Other heads than `Detect` stay.

    Args:
        detector: The rows.
        width: The channels, see `class_width`; 0: those of the rows.
    """
    *rows, head = detector.rows
    if not width or head.module != "Detect" or len(head.args) > 2:  # a third argument changes the bins
        return detector
    nc, legacy = head.args if len(head.args) == 2 else (*head.args, True)
    box, own = hidden_widths(nc, resolved(detector, _SIZE)[-1].inputs[0][0])
    if own == width:
        return detector
    wide = replace(head, module="SlimDetect", args=(nc, box, width, DEPTH, not legacy))
    return replace(detector, rows=(*rows, wide))
