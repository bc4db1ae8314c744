"""The heads that the trainers put on one and the same neck."""

from __future__ import annotations

from nas.detectors._dialects import LIGHT
from nas.detectors._rows import Detector, Row


def anchor_free(detector: Detector) -> Detector:
    """The same with the head that every proxy trains: `Detect`, with the class branch that Ultralytics builds behind
    these rows. A detector that has it is left as it is."""
    *rows, head = detector.rows
    if head.module == "Detect":
        return detector
    light = any(row.module in LIGHT for row in rows)
    args = (detector.nc, False) if light else (detector.nc,)
    return Detector((*rows, Row(head.source, 1, "Detect", args)), detector.nc, detector.backbone)
