"""The heads that the trainers put on one and the same neck, and which rows a trainer knows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from nas.detectors.dialects import LIGHT
from nas.detectors.rows import Detector, Row
from nas.operators.base import KeepingOperator

ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
"""YOLOv5's, in pixels (blocks.md, 3.3); its trainer fits them to the data."""


class Dialect(NamedTuple):
    """A trainer's YAML: its ``title``, the head that it trains, the stock kinds that it knows, and ``templates`` that
    are made of them."""

    title: str
    head: Callable[[Detector], Detector]
    kinds: Collection[str]
    templates: tuple[str, ...]


def anchor_free(detector: Detector) -> Detector:
    """The same with the head that every proxy trains: `Detect`, with the class branch that Ultralytics builds behind
    these rows. A detector that has it is left as it is."""
    if detector.rows[-1].module == "Detect":
        return detector
    light = any(row.module in LIGHT for row in detector.rows)
    return _headed(detector, "Detect", False) if light else _headed(detector, "Detect")


def in_dialect(detector: Detector, name: str) -> Detector:
    """The same with the head that this trainer trains behind it; raises ValueError naming a row that it cannot build.

    Ultralytics trains several: a detector keeps which of them it has.
    """
    title, head, kinds, templates = DIALECTS[name]
    for index, row in enumerate(detector.rows[:-1]):
        if row.module not in kinds and not isinstance(row.operator, KeepingOperator):
            own = " or ".join(templates)
            raise ValueError(f"row {index} ({row.module}): {title} has no such module; search --space {own} for it")
    return head(detector)


def _headed(detector: Detector, module: str, *args: object) -> Detector:
    *rows, head = detector.rows
    return Detector((*rows, Row(head.source, 1, module, (detector.nc, *args))), detector.nc, detector.backbone)


def _ultralytics(detector: Detector) -> Detector:
    return detector if detector.rows[-1].module in {"Detect", "v10Detect"} else anchor_free(detector)


_ALL = ("Conv", "DWConv", "SPPF", "Concat", "nn.Upsample")

DIALECTS = {
    "ultralytics": Dialect(
        "Ultralytics",
        _ultralytics,
        {
            *_ALL,
            *("A2C2f", "AConv", "ADown", "C2PSA", "C2f", "C2fCIB", "C3", "C3Ghost", "C3k2", "ELAN1", "GhostConv"),
            *("PSA", "RepNCSPELAN4", "SCDown", "SPPELAN"),
        },
        ("yolov8n", "yolo11n", "yolo26n"),
    ),
    "yolov5": Dialect(
        "YOLOv5",
        lambda detector: _headed(detector, "AnchorDetect", ANCHORS),
        {*_ALL, "C3", "C3Ghost", "GhostConv"},
        ("yolov5n", "yolov5s"),
    ),
    "yolov9": Dialect(
        "YOLOv9",
        lambda detector: _headed(detector, "DDetect"),
        {*_ALL, "AConv", "ADown", "ELAN1", "RepNCSPELAN4", "SPPELAN"},
        ("gelan-t", "gelan-s"),
    ),
}
"""By the name that ``--dialect`` takes."""
