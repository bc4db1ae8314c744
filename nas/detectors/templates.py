"""Templates: stock detectors whose stages a search may rewrite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from nas.detectors.rows import Detector, Row
from nas.operators.family import Number
from nas.operators.registry import FAMILIES

BACKBONE = ("p2", "p3", "p4", "p5")
NECK = ("t4", "t3", "b4", "b5")
"""The neck's stages: on its way from the top down, then from the bottom up."""
TOP_DOWN = NECK[:2]


class Stage(NamedTuple):
    """One stage: the channels of the convolution before its row, or before the Concat that it reads, and the row as
    repeats, module and arguments, the first of which are the channels that the stage gives."""

    entry: int
    repeats: int
    module: str
    args: tuple[Any, ...]

    @staticmethod
    def of(
        key: str, shell: str, channels: int, depth: int, parameters: Mapping[str, Number], neck: bool = False
    ) -> Stage:
        """What a family makes of these choices; in the ``neck``, the entry is for `Template.assemble` to find."""
        family = FAMILIES[key]
        write = family.neck_row if neck and family.neck_row else family.row
        return Stage(family.entry(channels, parameters), *write(shell, channels, depth, parameters))


class StockStage(NamedTuple):
    """What the template itself chooses for a stage: the family, its channels, depth and parameters."""

    family: str
    channels: int
    depth: int
    parameters: Mapping[str, Number]

    def stage(self, neck: bool = False) -> Stage:
        """Its row and the width of the convolution before it."""
        shell = FAMILIES[self.family].shells[0]
        return Stage.of(self.family, shell, self.channels, self.depth, self.parameters, neck)


@dataclass(frozen=True)
class Template:
    """A stock detector with named stages. ``version`` changes when the same stages would give other rows.

    ``stem`` holds the arguments of the first convolution; ``downs`` the module of the row before each backbone stage,
    which halves the map, and its arguments after the channels; ``tail`` likewise those of the rows that end the
    backbone, whose channels are the last stage's; ``neck`` the neck's rows, its stages as such, and ``levels`` those
    that the head reads. ``head`` is its module, and its arguments after the number of classes, as Ultralytics builds it
    behind these rows.
    """

    name: str
    version: int
    stem: tuple[int, ...]
    backbone: tuple[StockStage, ...]
    tail: tuple[tuple[str, tuple[Any, ...]], ...]
    neck: tuple[Row | StockStage, ...]
    levels: tuple[int, int, int]
    head: tuple[str, tuple[Any, ...]] = ("Detect", ())
    downs: tuple[tuple[str, tuple[Any, ...]], ...] = (("Conv", (3, 2)),) * 4

    @cached_property
    def stages(self) -> dict[str, StockStage]:
        """What the template itself chooses, by stage: those of the backbone and those of the neck."""
        neck = (row for row in self.neck if isinstance(row, StockStage))
        return dict(zip(BACKBONE, self.backbone, strict=True)) | dict(zip(NECK, neck, strict=False))

    def families(self, stage: str) -> list[str]:
        """What a stage may be made of: anything but the stage of another template, since that may change the head
        which Ultralytics builds; on the neck's way down, where a stage narrows what two maps bring, its own alone."""
        if stage in TOP_DOWN:
            return [self.stages[stage].family]
        own = {stage.family for stage in self.stages.values()}
        others = {stage.family for template in TEMPLATES.values() for stage in template.stages.values()} - own
        return [key for key in FAMILIES if key not in others]

    def stage_rows(self, stage: str) -> tuple[int, int]:
        """The numbers of the first and the last row of a stage: the convolution before it, or the row before the Concat
        that it reads, and the stage itself."""
        if stage in BACKBONE:
            index = BACKBONE.index(stage)
            return 1 + 2 * index, 2 + 2 * index
        last = self._neck_rows[NECK.index(stage)]
        return last - 2, last

    def lateral(self, stage: str) -> str | int:
        """What a stage of the neck reads beside the row before it: the stage that gives as many channels, or their
        number where it is always the same."""
        source = self._neck_row(self.stage_rows(stage)[1] - 1).source[1]
        named = {self.stage_rows(name)[1]: name for name in self.stages}
        if source < self._first_of_neck:
            return named.get(source, BACKBONE[-1])
        return named.get(source) or int(self._neck_row(source).args[0])

    def assemble(self, stages: Mapping[str, Stage], nc: int) -> Detector:
        """The detector with these stages, the others as in the stock model; row numbers and head are always its own.

        On the neck's way up, the convolution before the Concat is as wide as the stage in proportion, or, before an
        operator that is not the stage's own and gives as many channels as it reads, makes up what the Concat lacks.
        """
        chosen = {name: stages.get(name) or stock.stage(name in NECK) for name, stock in self.stages.items()}
        rows = [_row("Conv", *self.stem)]
        for name, (module, args) in zip(BACKBONE, self.downs, strict=True):
            rows += [_row(module, chosen[name].entry, *args), Row((-1,), *chosen[name][1:])]
        channels = rows[-1].args[0]
        rows += [_row(module, channels, *args) for module, args in self.tail]
        names = iter(NECK)
        for row in self.neck:
            if isinstance(row, Row):
                rows.append(row)
                continue
            name = next(names)
            stage, stock = chosen[name], row.stage(neck=True)
            if name not in TOP_DOWN:
                down, lateral, channels = rows[-2], rows[rows[-1].source[1]], stage.args[0]
                if stage.module == stock.module:
                    width = max(8, round(down.args[0] * channels / row.channels / 8) * 8)
                else:
                    width = channels - lateral.args[0]
                rows[-2] = replace(down, args=(width, *down.args[1:]))
            rows.append(Row((-1,), *stage[1:]))
        module, args = self.head
        return Detector((*rows, Row(self.levels, 1, module, (nc, *args))), nc, self._first_of_neck)

    def stock(self, nc: int) -> Detector:
        """The template itself."""
        return self.assemble({}, nc)

    @property
    def _first_of_neck(self) -> int:
        return 1 + 2 * len(BACKBONE) + len(self.tail)

    @cached_property
    def _neck_rows(self) -> list[int]:
        """The numbers of the rows that are the neck's stages."""
        return [number for number, row in enumerate(self.neck, self._first_of_neck) if isinstance(row, StockStage)]

    def _neck_row(self, number: int) -> Row:
        row = self.neck[number - self._first_of_neck]
        assert isinstance(row, Row)
        return row


def _row(module: str, *args: Any, source: tuple[int, ...] = (-1,)) -> Row:
    return Row(source, 1, module, args)


def _up(lateral: int) -> tuple[Row, Row]:
    return _row("nn.Upsample", None, 2, "nearest"), _row("Concat", 1, source=(-1, lateral))


def _down(channels: int, lateral: int) -> tuple[Row, Row]:
    return _row("Conv", channels, 3, 2), _row("Concat", 1, source=(-1, lateral))


def _keeping(family: str, w: int, depths: Sequence[int]) -> tuple[StockStage, ...]:
    """Stages of YOLOv5 and YOLOv8, which leave it to the convolutions to widen."""
    widths = (32 * w, 64 * w, 128 * w, 256 * w)
    return tuple(StockStage(family, c, depth, HALF) for c, depth in zip(widths, depths, strict=True))


HALF = {"expansion": 0.5}

# At the scales n (w = 1) and s (w = 2), which differ in width alone.


def _yolov5(scale: str, w: int) -> Template:
    """blocks.md, 5.6, with Ultralytics' anchor-free head: what is called yolov5nu and yolov5su there."""
    return Template(
        name=f"yolov5{scale}",
        version=1,
        stem=(16 * w, 6, 2, 2),
        backbone=_keeping("c3", w, (1, 2, 3, 1)),
        tail=(("SPPF", (5,)),),
        neck=(
            _row("Conv", 128 * w, 1, 1),
            *_up(6),
            StockStage("c3", 128 * w, 1, HALF),
            _row("Conv", 64 * w, 1, 1),
            *_up(4),
            StockStage("c3", 64 * w, 1, HALF),
            *_down(64 * w, 14),
            StockStage("c3", 128 * w, 1, HALF),
            *_down(128 * w, 10),
            StockStage("c3", 256 * w, 1, HALF),
        ),
        levels=(17, 20, 23),
    )


def _yolov8(scale: str, w: int) -> Template:
    """blocks.md, 5.2."""
    return Template(
        name=f"yolov8{scale}",
        version=1,
        stem=(16 * w, 3, 2),
        backbone=_keeping("c2f", w, (1, 2, 2, 1)),
        tail=(("SPPF", (5,)),),
        neck=(
            *_up(6),
            StockStage("c2f", 128 * w, 1, HALF),
            *_up(4),
            StockStage("c2f", 64 * w, 1, HALF),
            *_down(64 * w, 12),
            StockStage("c2f", 128 * w, 1, HALF),
            *_down(128 * w, 9),
            StockStage("c2f", 256 * w, 1, HALF),
        ),
        levels=(15, 18, 21),
    )


def _yolo11(scale: str, w: int, newer: bool = False) -> Template:
    """blocks.md, 5.3, and 5.5 for YOLO26, which is ``newer``: its last stage, with attention, is always the same."""
    widening = {"c3k": 0, "expansion": 0.25, "in_div": 2}
    keeping = {"c3k": 1, "expansion": 0.5, "in_div": 1}
    inner = keeping if newer else {**keeping, "c3k": 0}
    return Template(
        name=f"yolo{26 if newer else 11}{scale}",
        version=1,
        stem=(16 * w, 3, 2),
        backbone=(
            StockStage("c3k2", 64 * w, 1, widening),
            StockStage("c3k2", 128 * w, 1, widening),
            StockStage("c3k2", 128 * w, 1, keeping),
            StockStage("c3k2", 256 * w, 1, keeping),
        ),
        tail=(("SPPF", (5, 3, True) if newer else (5,)), ("C2PSA", ())),
        neck=(
            *_up(6),
            StockStage("c3k2", 128 * w, 1, inner),
            *_up(4),
            StockStage("c3k2", 64 * w, 1, inner),
            *_down(64 * w, 13),
            StockStage("c3k2", 128 * w, 1, inner),
            *_down(128 * w, 10),
            _row("C3k2", 256 * w, True, 0.5, True) if newer else StockStage("c3k2", 256 * w, 1, keeping),
        ),
        levels=(16, 19, 22),
        head=("v10Detect", (1,)) if newer else ("Detect", (False,)),
    )


def _yolo26(scale: str, w: int) -> Template:
    return _yolo11(scale, w, newer=True)


def _gelan(scale: str, w: int) -> Template:
    """blocks.md, 5.7, with Ultralytics' head: what is called yolov9t and yolov9s there."""

    def stage(channels: int) -> StockStage:
        return StockStage("repelan", channels, 3, {})

    down = ("AConv", ())
    return Template(
        name=f"gelan-{scale}",
        version=1,
        stem=(16 * w, 3, 2),
        downs=(("Conv", (3, 2)), down, down, down),
        backbone=(
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
