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
    """What the template itself chooses for a stage: of its family, the channels, depth and parameters."""

    channels: int
    depth: int
    parameters: Mapping[str, Number]


@dataclass(frozen=True)
class Template:
    """A stock detector with named stages. ``version`` changes when the same stages would give other rows.

    ``family`` makes the stock stages. ``stem`` holds the arguments of the first convolution; ``tail`` the module of
    each row that ends the backbone, and its arguments after the channels, which are the last stage's; ``neck`` the
    neck's rows, and ``levels`` those that the head reads. The head is the anchor-free one, ``light`` or legacy as
    Ultralytics builds it behind these rows.
    """

    name: str
    version: int
    family: str
    stem: tuple[int, ...]
    stock_stages: tuple[StockStage, ...]
    tail: tuple[tuple[str, tuple[Any, ...]], ...]
    neck: tuple[Row, ...]
    levels: tuple[int, int, int]
    light: bool = False

    stages = ("p2", "p3", "p4", "p5")

    @property
    def families(self) -> list[str]:
        """What its stages may be made of: anything but the stage of another template, since that may change the head
        which Ultralytics builds."""
        others = {template.family for template in TEMPLATES.values()} - {self.family}
        return [key for key in FAMILIES if key not in others]

    @staticmethod
    def stage_rows(stage: int) -> tuple[int, int]:
        """The numbers of a stage's two rows, stages counted from 0: the convolution before it and the stage."""
        return 1 + 2 * stage, 2 + 2 * stage

    def assemble(self, stages: Sequence[Stage], nc: int) -> Detector:
        """The detector with these four stages; row numbers, neck and head are those of the stock model."""
        rows = [_row("Conv", *self.stem)]
        for stage in stages:
            rows += [_row("Conv", stage.entry, 3, 2), Row((-1,), *stage[1:])]
        channels = stages[-1].args[0]
        rows += [_row(module, channels, *args) for module, args in self.tail]
        head = Row(self.levels, 1, "Detect", (nc, False) if self.light else (nc,))
        return Detector((*rows, *self.neck, head), nc, len(rows))

    def stock(self, nc: int) -> Detector:
        """The template itself."""
        family = FAMILIES[self.family]
        stages = [Stage(family.entry(c, p), *family.row(family.shells[0], c, n, p)) for c, n, p in self.stock_stages]
        return self.assemble(stages, nc)


def _row(module: str, *args: Any, source: tuple[int, ...] = (-1,)) -> Row:
    return Row(source, 1, module, args)


def _up(lateral: int) -> tuple[Row, Row]:
    return _row("nn.Upsample", None, 2, "nearest"), _row("Concat", 1, source=(-1, lateral))


def _down(channels: int, lateral: int) -> tuple[Row, Row]:
    return _row("Conv", channels, 3, 2), _row("Concat", 1, source=(-1, lateral))


def _keeping(w: int, depths: Sequence[int]) -> tuple[StockStage, ...]:
    """Stages of YOLOv5 and YOLOv8, which leave it to the convolutions to widen."""
    widths = (32 * w, 64 * w, 128 * w, 256 * w)
    return tuple(StockStage(c, depth, {"expansion": 0.5}) for c, depth in zip(widths, depths, strict=True))


# At the scales n (w = 1) and s (w = 2), which differ in width alone.


def _yolov5(scale: str, w: int) -> Template:
    """blocks.md, 5.6, with Ultralytics' anchor-free head: what is called yolov5nu and yolov5su there."""
    return Template(
        name=f"yolov5{scale}",
        version=1,
        family="c3",
        stem=(16 * w, 6, 2, 2),
        stock_stages=_keeping(w, (1, 2, 3, 1)),
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
        family="c2f",
        stem=(16 * w, 3, 2),
        stock_stages=_keeping(w, (1, 2, 2, 1)),
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


def _yolo11(scale: str, w: int) -> Template:
    """blocks.md, 5.3."""
    widening = {"c3k": 0, "expansion": 0.25, "in_div": 2}
    keeping = {"c3k": 1, "expansion": 0.5, "in_div": 1}
    return Template(
        name=f"yolo11{scale}",
        version=1,
        family="c3k2",
        stem=(16 * w, 3, 2),
        stock_stages=(
            StockStage(64 * w, 1, widening),
            StockStage(128 * w, 1, widening),
            StockStage(128 * w, 1, keeping),
            StockStage(256 * w, 1, keeping),
        ),
        tail=(("SPPF", (5,)), ("C2PSA", ())),
        neck=(
            *_up(6),
            _row("C3k2", 128 * w, False),
            *_up(4),
            _row("C3k2", 64 * w, False),
            *_down(64 * w, 13),
            _row("C3k2", 128 * w, False),
            *_down(128 * w, 10),
            _row("C3k2", 256 * w, True),
        ),
        levels=(16, 19, 22),
        light=True,
    )


TEMPLATES = {
    template.name: template for make in (_yolov5, _yolov8, _yolo11) for template in (make("n", 1), make("s", 2))
}
