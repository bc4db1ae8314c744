"""Models that the found detectors are compared with: stock nano YOLOs, narrower ones, and models made by hand.

A model by hand is made as in blog posts: in a stock YAML, every stage's module is replaced by another one with the same
arguments. ``train.py`` trains these in Ultralytics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import nas
from nas.detectors.rows import Detector, Row
from nas.spaces.space import load_space

STOCK = ("yolov5n", "yolov8n", "yolo11n", "yolo26n")
WIDTHS = (0.75, 0.625, 0.5, 0.375)
"""Shares of YOLOv8n's own channels, rounded to 8."""


def stock(name: str, nc: int) -> Detector:
    """The template, as Ultralytics ships it."""
    return load_space(name).stock().detector(nc)


def narrowed(detector: Detector, width: float) -> Detector:
    """All channels times ``width``, rounded to 8, as Ultralytics' own scales do."""

    def narrow(row: Row) -> Row:
        if row.module not in {"Conv", "C2f", "SPPF"}:
            return row
        return replace(row, args=(max(8, round(row.args[0] * width / 8) * 8), *row.args[1:]))

    return replace(detector, rows=tuple(map(narrow, detector.rows)))


def replaced(detector: Detector, modules: Mapping[str, str], rows: range | None = None) -> Detector:
    """Every such module replaced by the other, in all rows or in ``rows``."""
    within = rows or range(len(detector.rows))
    changed = (
        replace(row, module=modules[row.module]) if index in within and row.module in modules else row
        for index, row in enumerate(detector.rows)
    )
    return replace(detector, rows=tuple(changed))


def pconv_yolo11n(nc: int) -> Detector:
    """C3k2 around PConvs, except the last: without a C3k2 Ultralytics would give it a larger head."""
    detector = stock("yolo11n", nc)
    last = max(index for index, row in enumerate(detector.rows) if row.module == "C3k2")
    return replaced(detector, {"C3k2": "C3k2_PC"}, range(last))


def csphet_yolov5n(nc: int) -> Detector:
    return replaced(stock("yolov5n", nc), {"C3": "CSPHet"})


def cspc_yolov8n(nc: int) -> Detector:
    return replaced(stock("yolov8n", nc), {"C2f": "CSPPC"})


def faster_yolov8n(nc: int) -> Detector:
    return replaced(stock("yolov8n", nc), {"C2f": "C2f_Faster"})


def shufflev2_yolov5n(nc: int) -> Detector:
    """Stages of 4, 8 and 4 units, the first of each halving the map, as in ShuffleNetV2; YOLOv5n's widths and neck."""
    detector = stock("yolov5n", nc)
    rows = list(detector.rows)
    for down, units in ((3, 4), (5, 8), (7, 4)):
        channels = rows[down].args[0]
        rows[down] = Row((-1,), 1, "ShuffleV2Down", (channels,))
        rows[down + 1] = Row((-1,), units - 1, "ShuffleV2Block", (channels,))
    return replace(detector, rows=tuple(rows))


def dsconv_gelan(nc: int) -> Detector:
    """DSConv blocks in place of the backbone's stages. The post's own change, two plain convolutions, has no effect."""
    stages = (
        f"p{stage}:plain-ds_b4_k32_e1_n1_c{channels}"
        for stage, channels in zip(range(2, 6), (32, 64, 96, 128), strict=True)
    )
    return nas.load_detector("/".join(("gelan-t.1", *stages)), nc)


BY_HAND: dict[str, Callable[[int], Detector]] = {
    "YOLO11n, PConv": pconv_yolo11n,
    "YOLOv5n, CSPHet": csphet_yolov5n,
    "YOLOv8n, CSPPC": cspc_yolov8n,
    "YOLOv5n, ShuffleNetV2": shufflev2_yolov5n,
    "GELAN-t, DSConv": dsconv_gelan,
    "YOLOv8n, FasterNet": faster_yolov8n,
}
