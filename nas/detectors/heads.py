"""Heads of the trainers on the same neck, and the modules that each trainer knows."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import NamedTuple

from nas.detectors.dialects import LIGHT
from nas.detectors.rows import Detector, Row, row_field
from nas.errors import ModelError
from nas.operators.activations import ACTIVATIONS
from nas.operators.base import KeepingOperator

ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
"""YOLOv5's anchors: width, height, ... in pixels by level. Its trainer fits them to the data."""


class Dialect(NamedTuple):
    """The YAML of a trainer.

    Attributes:
        title: The trainer's name.
        head: Replaces the head of a detector by the one that the trainer trains.
        kinds: The stock modules that the trainer knows.
        templates: The templates that consist of these modules.
    """

    title: str
    head: Callable[[Detector], Detector]
    kinds: Collection[str]
    templates: tuple[str, ...]


def anchor_free(detector: Detector) -> Detector:
    """The detector with the head that every proxy trains.

    That is `Detect`, with the class branch that Ultralytics builds behind these rows. A detector that has it, or
    `SlimDetect`, is returned as it is.
    """
    if detector.rows[-1].module in {"Detect", "SlimDetect"}:
        return detector
    light = any(row.module in LIGHT for row in detector.rows)
    return _with_head(detector, "Detect", False) if light else _with_head(detector, "Detect")


def in_dialect(detector: Detector, name: str) -> Detector:
    """The detector with a head that a trainer trains. Ultralytics trains several: a detector keeps its own.

    Args:
        detector: The detector.
        name: A key of `DIALECTS`.

    Raises:
        ModelError: With the row that the trainer cannot build.
    """
    title, head, kinds, templates = DIALECTS[name]
    for index, row in enumerate(detector.rows[:-1]):
        if row.module not in kinds and not isinstance(row.operator, KeepingOperator):
            hint = f"search the space {' or '.join(templates)} for it"
            raise ModelError(f"{title} has no such module", field=row_field(index, row.module), hint=hint)
    return head(detector)


def _with_head(detector: Detector, module: str, *args: object) -> Detector:
    *rows, head = detector.rows
    return replace(detector, rows=(*rows, Row(head.source, 1, module, (detector.nc, *args))))


def _own_head(detector: Detector, title: str, module: str, *args: object) -> Detector:
    """The detector with the only head that YOLOv5 or YOLOv9 trains on such rows."""
    if detector.rows[-1].module == "SlimDetect":
        problem = f"{title} cannot train a head with widths of its own, only Ultralytics can"
        hint = "export it for Ultralytics, or search a space without `head:` in its file"
        raise ModelError(problem, field=row_field(len(detector.rows) - 1, "SlimDetect"), hint=hint)
    return _with_head(detector, module, *args)


def _ultralytics(detector: Detector) -> Detector:
    return detector if detector.rows[-1].module == "v10Detect" else anchor_free(detector)


_TORCH = (*(f"nn.{name}" for name in ACTIVATIONS), "nn.MaxPool2d", "nn.AvgPool2d", "nn.ZeroPad2d")
_ALL = (
    *("Conv", "DWConv", "SPP", "SPPF", "Bottleneck", "BottleneckCSP", "Concat"),
    *("nn.Upsample", "nn.ConvTranspose2d", "DWConvTranspose2d", *_TORCH),
)

DIALECTS = {
    "ultralytics": Dialect(
        "Ultralytics",
        _ultralytics,
        {
            *_ALL,
            *("A2C2f", "AConv", "ADown", "C2PSA", "C2f", "C2fCIB", "C3", "C3Ghost", "C3k2", "ELAN1", "GhostConv"),
            *(
                "PSA",
                "RepNCSPELAN4",
                "SCDown",
                "SPPELAN",
                "C1",
                "C2",
                "C3x",
                "C3TR",
                "RepC3",
                "C2fPSA",
                "Focus",
                "ConvTranspose",
            ),
            *("GhostBottleneck", "CBLinear", "CBFuse"),
        },
        ("yolov8n", "yolo11n", "yolo26n"),
    ),
    "yolov5": Dialect(
        "YOLOv5",
        lambda detector: _own_head(detector, "YOLOv5", "AnchorDetect", ANCHORS),
        {*_ALL, "C3", "C3x", "C3TR", "C3Ghost", "GhostConv", "GhostBottleneck", "Focus"},
        ("yolov5n", "yolov5s"),
    ),
    "yolov9": Dialect(
        "YOLOv9",
        lambda detector: _own_head(detector, "YOLOv9", "DDetect"),
        {*_ALL, "AConv", "ADown", "ELAN1", "RepNCSPELAN4", "SPPELAN", "CBLinear", "CBFuse", "ConvTranspose", "Silence"},
        ("gelan-t", "gelan-s"),
    ),
}
"""Trainers by their name in `python -m nas.export`."""
