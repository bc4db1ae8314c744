"""Templates: stock detectors whose backbone stages a search may rewrite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nas.detectors._rows import Detector, Row
from nas.operators import FAMILIES, Number


class Stage(NamedTuple):
    """One backbone stage: the channels of the convolution before its row, and the row as repeats, module and arguments,
    the first of which are the channels that the stage gives."""

    entry: int
    repeats: int
    module: str
    args: tuple[Any, ...]


class StockStage(NamedTuple):
    """What the template itself chooses for a stage: the family, its channels, depth and parameters."""

    family: str
    channels: int
    depth: int
    parameters: Mapping[str, Number]


@dataclass(frozen=True)
class Template:
    """A stock detector with named stages. ``version`` changes when the same stages would give other rows.

    ``stem`` holds the arguments of the first convolution; ``downs`` the module of the row before each stage, which
    halves the map, and its arguments after the channels; ``tail`` likewise those of the rows that end the backbone,
    whose channels are the last stage's; ``neck`` the neck's rows, and ``levels`` those that the head reads. ``head``
    is its module, and its arguments after the number of classes, as Ultralytics builds it behind these rows.
    """

    name: str
    version: int
    stem: tuple[int, ...]
    stock_stages: tuple[StockStage, ...]
    tail: tuple[tuple[str, tuple[Any, ...]], ...]
    neck: tuple[Row, ...]
    levels: tuple[int, int, int]
    head: tuple[str, tuple[Any, ...]] = ("Detect", ())
    downs: tuple[tuple[str, tuple[Any, ...]], ...] = (("Conv", (3, 2)),) * 4

    stages = ("p2", "p3", "p4", "p5")

    @property
    def families(self) -> list[str]:
        """What its stages may be made of: anything but the stage of another template, since that may change the head
        which Ultralytics builds."""
        own = {stage.family for stage in self.stock_stages}
        others = {stage.family for template in TEMPLATES.values() for stage in template.stock_stages} - own
        return [key for key in FAMILIES if key not in others]

    @staticmethod
    def stage_rows(stage: int) -> tuple[int, int]:
        """The numbers of a stage's two rows, stages counted from 0: the convolution before it and the stage."""
        return 1 + 2 * stage, 2 + 2 * stage

    def assemble(self, stages: Sequence[Stage], nc: int) -> Detector:
        """The detector with these four stages; row numbers, neck and head are those of the stock model."""
        rows = [_row("Conv", *self.stem)]
        for stage, (module, args) in zip(stages, self.downs, strict=True):
            rows += [_row(module, stage.entry, *args), Row((-1,), *stage[1:])]
        channels = stages[-1].args[0]
        rows += [_row(module, channels, *args) for module, args in self.tail]
        module, args = self.head
        head = Row(self.levels, 1, module, (nc, *args))
        return Detector((*rows, *self.neck, head), nc, len(rows))

    def stock(self, nc: int) -> Detector:
        """The template itself."""
        stages = []
        for key, channels, depth, parameters in self.stock_stages:
            family = FAMILIES[key]
            row = family.row(family.shells[0], channels, depth, parameters)
            stages.append(Stage(family.entry(channels, parameters), *row))
        return self.assemble(stages, nc)


def _row(module: str, *args: Any, source: tuple[int, ...] = (-1,)) -> Row:
    return Row(source, 1, module, args)


def _up(lateral: int) -> tuple[Row, Row]:
    return _row("nn.Upsample", None, 2, "nearest"), _row("Concat", 1, source=(-1, lateral))


def _down(channels: int, lateral: int) -> tuple[Row, Row]:
    return _row("Conv", channels, 3, 2), _row("Concat", 1, source=(-1, lateral))


def _keeping(family: str, w: int, depths: Sequence[int]) -> tuple[StockStage, ...]:
    """Stages of YOLOv5 and YOLOv8, which leave it to the convolutions to widen."""
    widths = (32 * w, 64 * w, 128 * w, 256 * w)
    return tuple(StockStage(family, c, depth, {"expansion": 0.5}) for c, depth in zip(widths, depths, strict=True))


# At the scales n (w = 1) and s (w = 2), which differ in width alone.


def _yolov5(scale: str, w: int) -> Template:
    """blocks.md, 5.6, with Ultralytics' anchor-free head: what is called yolov5nu and yolov5su there."""
    return Template(
        name=f"yolov5{scale}",
        version=1,
        stem=(16 * w, 6, 2, 2),
        stock_stages=_keeping("c3", w, (1, 2, 3, 1)),
        tail=(("SPPF", (5,)),),
        neck=(
            _row("Conv", 128 * w, 1, 1),
            *_up(6),
            _row("C3", 128 * w, False),
            _row("Conv", 64 * w, 1, 1),
            *_up(4),
            _row("C3", 64 * w, False),
            *_down(64 * w, 14),
            _row("C3", 128 * w, False),
            *_down(128 * w, 10),
            _row("C3", 256 * w, False),
        ),
        levels=(17, 20, 23),
    )


def _yolov8(scale: str, w: int) -> Template:
    """blocks.md, 5.2."""
    return Template(
        name=f"yolov8{scale}",
        version=1,
        stem=(16 * w, 3, 2),
        stock_stages=_keeping("c2f", w, (1, 2, 2, 1)),
        tail=(("SPPF", (5,)),),
        neck=(
            *_up(6),
            _row("C2f", 128 * w),
            *_up(4),
            _row("C2f", 64 * w),
            *_down(64 * w, 12),
            _row("C2f", 128 * w),
            *_down(128 * w, 9),
            _row("C2f", 256 * w),
        ),
        levels=(15, 18, 21),
    )


def _yolo11(scale: str, w: int, newer: bool = False) -> Template:
    """blocks.md, 5.3, and 5.5 for YOLO26, which is ``newer``."""
    widening = {"c3k": 0, "expansion": 0.25, "in_div": 2}
    keeping = {"c3k": 1, "expansion": 0.5, "in_div": 1}
    return Template(
        name=f"yolo{26 if newer else 11}{scale}",
        version=1,
        stem=(16 * w, 3, 2),
        stock_stages=(
            StockStage("c3k2", 64 * w, 1, widening),
            StockStage("c3k2", 128 * w, 1, widening),
            StockStage("c3k2", 128 * w, 1, keeping),
            StockStage("c3k2", 256 * w, 1, keeping),
        ),
        tail=(("SPPF", (5, 3, True) if newer else (5,)), ("C2PSA", ())),
        neck=(
            *_up(6),
            _row("C3k2", 128 * w, newer),
            *_up(4),
            _row("C3k2", 64 * w, newer),
            *_down(64 * w, 13),
            _row("C3k2", 128 * w, newer),
            *_down(128 * w, 10),
            _row("C3k2", 256 * w, True, *((0.5, True) if newer else ())),
        ),
        levels=(16, 19, 22),
        head=("v10Detect", (1,)) if newer else ("Detect", (False,)),
    )


def _yolo26(scale: str, w: int) -> Template:
    return _yolo11(scale, w, newer=True)


def _gelan(scale: str, w: int) -> Template:
    """blocks.md, 5.7, with Ultralytics' head: what is called yolov9t and yolov9s there."""

    def stage(channels: int) -> Row:
        return _row("RepNCSPELAN4", channels, channels, channels // 2, 3)

    down = ("AConv", ())
    return Template(
        name=f"gelan-{scale}",
        version=1,
        stem=(16 * w, 3, 2),
        downs=(("Conv", (3, 2)), down, down, down),
        stock_stages=(
            StockStage("elan1", 32 * w, 1, {}),
            StockStage("repelan", 64 * w, 3, {}),
            StockStage("repelan", 96 * w, 3, {}),
            StockStage("repelan", 128 * w, 3, {}),
        ),
        tail=(("SPPELAN", (64 * w,)),),
        neck=(
            *_up(6),
            stage(96 * w),
            *_up(4),
            stage(64 * w),
            _row("AConv", 48 * w),
            _row("Concat", 1, source=(-1, 12)),
            stage(96 * w),
            _row("AConv", 64 * w),
            _row("Concat", 1, source=(-1, 9)),
            stage(128 * w),
        ),
        levels=(15, 18, 21),
    )


MAKERS = {
    _yolov5: ("n", "s"),
    _yolov8: ("n", "s"),
    _gelan: ("t", "s"),
    _yolo11: ("n", "s"),
    _yolo26: ("n", "s"),
}

TEMPLATES = {
    template.name: template
    for make, scales in MAKERS.items()
    for w, scale in enumerate(scales, 1)
    for template in [make(scale, w)]
}
