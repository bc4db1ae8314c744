"""Rows of detectors whose head is wider than their own rows build it, see `nas.detectors.wide_head`."""

from __future__ import annotations

from dataclasses import replace

from nas.detectors.rows import Detector, resolved
from nas.operators.detect import DEPTH, hidden_widths

_SIZE = 640
"""Any image size: widths do not depend on it."""


def with_class_width(detector: Detector, width: int) -> Detector:
    """The rows of a detector whose class branches have so many channels inside. Other heads than `Detect` stay.

    Args:
        detector: The rows.
        width: The channels, see `nas.detectors.wide_head.hidden_channels`; 0: those of the rows.
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
