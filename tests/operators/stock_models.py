"""The stock detectors as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.detectors.rows import Detector, Row

Short = tuple[Any, ...]
"""Source, module and arguments; a repeat above 1 stands as ``module*n``."""

WIDTH = {"n": 1, "t": 1, "s": 2}
"""Channels of a scale over those of the smallest; depths are equal."""
ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))


def detector(backbone: Sequence[Short], head: Sequence[Short], nc: int) -> Detector:
    rows = []
    for source, module, *args in [*backbone, *head]:
        kind, _, repeats = module.partition("*")
        sources = source if isinstance(source, tuple) else (source,)
        rows.append(Row(sources, int(repeats or 1), kind, tuple(args)))
    return Detector(tuple(rows), nc, len(backbone))


def up(lateral: int) -> list[Short]:
    return [(-1, "nn.Upsample", None, 2, "nearest"), ((-1, lateral), "Concat", 1)]


def down(channels: int, lateral: int) -> list[Short]:
    return [(-1, "Conv", channels, 3, 2), ((-1, lateral), "Concat", 1)]


def yolov5(scale: str, nc: int = 80, head: str = "AnchorDetect") -> Detector:
    """The original with its anchor head, or Ultralytics' with ``Detect``."""
    w = WIDTH[scale]
    backbone = [
        (-1, "Conv", 16 * w, 6, 2, 2),
        (-1, "Conv", 32 * w, 3, 2),
        (-1, "C3", 32 * w),
        (-1, "Conv", 64 * w, 3, 2),
        (-1, "C3*2", 64 * w),
        (-1, "Conv", 128 * w, 3, 2),
        (-1, "C3*3", 128 * w),
        (-1, "Conv", 256 * w, 3, 2),
        (-1, "C3", 256 * w),
        (-1, "SPPF", 256 * w, 5),
    ]
    neck = [
        (-1, "Conv", 128 * w, 1, 1),
        *up(6),
        (-1, "C3", 128 * w, False),
        (-1, "Conv", 64 * w, 1, 1),
        *up(4),
        (-1, "C3", 64 * w, False),
        *down(64 * w, 14),
        (-1, "C3", 128 * w, False),
        *down(128 * w, 10),
        (-1, "C3", 256 * w, False),
        ((17, 20, 23), head, nc, *([ANCHORS] if head == "AnchorDetect" else [])),
    ]
    return detector(backbone, neck, nc)


def yolov8(scale: str, nc: int = 80) -> Detector:
    w = WIDTH[scale]
    backbone = [
        (-1, "Conv", 16 * w, 3, 2),
        (-1, "Conv", 32 * w, 3, 2),
        (-1, "C2f", 32 * w, True),
        (-1, "Conv", 64 * w, 3, 2),
        (-1, "C2f*2", 64 * w, True),
        (-1, "Conv", 128 * w, 3, 2),
        (-1, "C2f*2", 128 * w, True),
        (-1, "Conv", 256 * w, 3, 2),
        (-1, "C2f", 256 * w, True),
        (-1, "SPPF", 256 * w, 5),
    ]
    neck = [
        *up(6),
        (-1, "C2f", 128 * w),
        *up(4),
        (-1, "C2f", 64 * w),
        *down(64 * w, 12),
        (-1, "C2f", 128 * w),
        *down(128 * w, 9),
        (-1, "C2f", 256 * w),
        ((15, 18, 21), "Detect", nc),
    ]
    return detector(backbone, neck, nc)


def yolov10(scale: str, nc: int = 80) -> Detector:
    """Scale n only. The paper (Wang et al., NeurIPS 2024, section 3) makes these rows of
    yolov8n; they have the published number of parameters."""
    w = WIDTH[scale]
    backbone = [
        (-1, "Conv", 16 * w, 3, 2),
        (-1, "Conv", 32 * w, 3, 2),
        (-1, "C2f", 32 * w, True),
        (-1, "Conv", 64 * w, 3, 2),
        (-1, "C2f*2", 64 * w, True),
        (-1, "SCDown", 128 * w, 3, 2),
        (-1, "C2f*2", 128 * w, True),
        (-1, "SCDown", 256 * w, 3, 2),
        (-1, "C2f", 256 * w, True),
        (-1, "SPPF", 256 * w, 5),
        (-1, "PSA", 256 * w),
    ]
    neck = [
        *up(6),
        (-1, "C2f", 128 * w),
        *up(4),
        (-1, "C2f", 64 * w),
        *down(64 * w, 13),
        (-1, "C2f", 128 * w),
        (-1, "SCDown", 128 * w, 3, 2),
        ((-1, 10), "Concat", 1),
        (-1, "C2fCIB", 256 * w, True, True),
        ((16, 19, 22), "v10Detect", nc),
    ]
    return detector(backbone, neck, nc)


def yolo11(scale: str, nc: int = 80, newer: bool = False) -> Detector:
    """YOLO11, or with ``newer`` YOLO26, which differs in five rows (section 5.5)."""
    w = WIDTH[scale]
    backbone = [
        (-1, "Conv", 16 * w, 3, 2),
        (-1, "Conv", 32 * w, 3, 2),
        (-1, "C3k2", 64 * w, False, 0.25),
        (-1, "Conv", 64 * w, 3, 2),
        (-1, "C3k2", 128 * w, False, 0.25),
        (-1, "Conv", 128 * w, 3, 2),
        (-1, "C3k2", 128 * w, True),
        (-1, "Conv", 256 * w, 3, 2),
        (-1, "C3k2", 256 * w, True),
        (-1, "SPPF", 256 * w, 5, *((3, True) if newer else ())),
        (-1, "C2PSA", 256 * w),
    ]
    neck = [
        *up(6),
        (-1, "C3k2", 128 * w, newer),
        *up(4),
        (-1, "C3k2", 64 * w, newer),
        *down(64 * w, 13),
        (-1, "C3k2", 128 * w, newer),
        *down(128 * w, 10),
        (-1, "C3k2", 256 * w, True, *((0.5, True) if newer else ())),
        ((16, 19, 22), "v10Detect", nc, 1) if newer else ((16, 19, 22), "Detect", nc, False),
    ]
    return detector(backbone, neck, nc)


def yolo12(scale: str, nc: int = 80) -> Detector:
    w = WIDTH[scale]
    backbone = [
        (-1, "Conv", 16 * w, 3, 2),
        (-1, "Conv", 32 * w, 3, 2),
        (-1, "C3k2", 64 * w, False, 0.25),
        (-1, "Conv", 64 * w, 3, 2),
        (-1, "C3k2", 128 * w, False, 0.25),
        (-1, "Conv", 128 * w, 3, 2),
        (-1, "A2C2f*2", 128 * w, True, 4),
        (-1, "Conv", 256 * w, 3, 2),
        (-1, "A2C2f*2", 256 * w, True, 1),
    ]
    neck = [
        *up(6),
        (-1, "A2C2f", 128 * w, False, -1),
        *up(4),
        (-1, "A2C2f", 64 * w, False, -1),
        *down(64 * w, 11),
        (-1, "A2C2f", 128 * w, False, -1),
        *down(128 * w, 8),
        (-1, "C3k2", 256 * w, True),
        ((14, 17, 20), "Detect", nc, False),
    ]
    return detector(backbone, neck, nc)


def gelan(scale: str, nc: int = 80, head: str = "DDetect") -> Detector:
    """The original yolov9 repository's, or with ``Detect`` Ultralytics' yolov9t and s."""
    w = WIDTH[scale]

    def stage(c: int) -> Short:
        return (-1, "RepNCSPELAN4", c * w, c * w, c * w // 2, 3)

    backbone: list[Short] = [
        (-1, "Conv", 16 * w, 3, 2),
        (-1, "Conv", 32 * w, 3, 2),
        (-1, "ELAN1", 32 * w, 32 * w, 16 * w),
        (-1, "AConv", 64 * w),
        stage(64),
        (-1, "AConv", 96 * w),
        stage(96),
        (-1, "AConv", 128 * w),
        stage(128),
        (-1, "SPPELAN", 128 * w, 64 * w),
    ]
    neck: list[Short] = [
        *up(6),
        stage(96),
        *up(4),
        stage(64),
        (-1, "AConv", 48 * w),
        ((-1, 12), "Concat", 1),
        stage(96),
        (-1, "AConv", 64 * w),
        ((-1, 9), "Concat", 1),
        stage(128),
        ((15, 18, 21), head, nc),
    ]
    return detector(backbone, neck, nc)


STOCK = {
    "yolov5n": yolov5("n"),
    "yolov5s": yolov5("s"),
    "yolov8n": yolov8("n"),
    "yolov8s": yolov8("s"),
    "yolov10n": yolov10("n"),
    "yolo11n": yolo11("n"),
    "yolo11s": yolo11("s"),
    "yolo12n": yolo12("n"),
    "yolo12s": yolo12("s"),
    "yolo26n": yolo11("n", newer=True),
    "yolo26s": yolo11("s", newer=True),
    "gelan-t": gelan("t"),
    "gelan-s": gelan("s"),
    "yolov5n, Ultralytics": yolov5("n", head="Detect"),
    "yolov5s, Ultralytics": yolov5("s", head="Detect"),
    "yolov9t, Ultralytics": gelan("t", head="Detect"),
    "yolov9s, Ultralytics": gelan("s", head="Detect"),
}
"""All of them at 80 classes."""
