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
"""Stages of the neck: two from the top down, then two from the bottom up."""
TOP_DOWN = NECK[:2]
"""Stages of the neck that merge two maps into fewer channels."""


class Stage(NamedTuple):
    """The rows of one stage.

    Attributes:
        entry: The channels of the convolution before the stage's row, or before the Concat that it reads.
        repeats: The repeats of the row.
        module: Its module.
        args: Its arguments; the first is the number of output channels.
    """

    entry: int
    repeats: int
    module: str
    args: tuple[Any, ...]

    @staticmethod
    def build(
        key: str, shell: str, channels: int, depth: int, parameters: Mapping[str, Number], neck: bool = False
    ) -> Stage:
        """The rows that a family writes for some choices. In the ``neck``, `Template.assemble` replaces the entry."""
        family = FAMILIES[key]
        write = family.neck_row if neck and family.neck_row else family.row
        return Stage(family.entry(channels, parameters), *write(shell, channels, depth, parameters))


class StockStage(NamedTuple):
    """The template's own choice for a stage.

    Attributes:
        family: The key of the operator's family.
        channels: The output channels.
        depth: The number of repeats.
        parameters: The family's parameters by name.
    """

    family: str
    channels: int
    depth: int
    parameters: Mapping[str, Number]

    def stage(self, neck: bool = False) -> Stage:
        """The rows of the stage."""
        shell = FAMILIES[self.family].shells[0]
        return Stage.build(self.family, shell, self.channels, self.depth, self.parameters, neck)


@dataclass(frozen=True)
class Template:
    """A stock detector with named stages.

    Attributes:
        name: The name, as in spaces and architecture strings.
        version: Changes if the same stages give other rows.
        stem: The arguments of the first convolution.
        backbone: The stages of the backbone.
        tail: The rows that end the backbone: module, and arguments after the channels, which are the last stage's.
        neck: The rows and stages of the neck.
        levels: The rows that the head reads.
        head: The module of the head that Ultralytics builds behind these rows, and its arguments after the number of
            classes.
        downs: The row before each stage of the backbone, which halves the map: module, and arguments after the
            channels.
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
        """The template's own choices by stage, the backbone first."""
        neck = (row for row in self.neck if isinstance(row, StockStage))
        return dict(zip(BACKBONE, self.backbone, strict=True)) | dict(zip(NECK, neck, strict=False))

    def families(self, stage: str) -> list[str]:
        """The keys of the families that a stage may use.

        The stock block of another template is excluded, since it may change the head that Ultralytics builds. A
        top-down stage of the neck merges two maps into fewer channels; only the template's own block supports that.
        """
        if stage in TOP_DOWN:
            return [self.stages[stage].family]
        own = {stage.family for stage in self.stages.values()}
        others = {stage.family for template in TEMPLATES.values() for stage in template.stages.values()} - own
        return [key for key in FAMILIES if key not in others]

    def stage_rows(self, stage: str) -> tuple[int, int]:
        """The numbers of the first and the last row of a stage.

        The first is the convolution before the stage's row, or the row before the Concat that it reads. The last is the
        stage's row.
        """
        if stage in BACKBONE:
            index = BACKBONE.index(stage)
            return 1 + 2 * index, 2 + 2 * index
        last = self._neck_rows[NECK.index(stage)]
        return last - 2, last

    def lateral(self, stage: str) -> str | int:
        """The lateral map of a stage of the neck.

        Returns:
            The stage that gives its channels, or their number if it never changes.
        """
        source = self._neck_row(self.stage_rows(stage)[1] - 1).source[1]
        named = {self.stage_rows(name)[1]: name for name in self.stages}
        if source < self._first_of_neck:
            return named.get(source, BACKBONE[-1])
        return named.get(source) or int(self._neck_row(source).args[0])

    def assemble(self, stages: Mapping[str, Stage], nc: int) -> Detector:
        """The detector with some stages replaced; row numbers and head stay those of the template.

        In the bottom-up part of the neck, the convolution before the Concat changes with the stage. Before the
        template's own block, it is scaled with the stage's channels. Before any other operator, which keeps its
        channels, it adds the channels that the Concat lacks.

        Args:
            stages: The replaced stages by name.
            nc: The number of classes.
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
        """The stock detector with ``nc`` classes."""
        return self.assemble({}, nc)

    @property
    def _first_of_neck(self) -> int:
        return 1 + 2 * len(BACKBONE) + len(self.tail)

    @cached_property
    def _neck_rows(self) -> list[int]:
        """The row numbers of the neck's stages."""
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
    """Backbone stages of YOLOv5 and YOLOv8: only the convolutions between them change channels."""
    widths = (32 * w, 64 * w, 128 * w, 256 * w)
    return tuple(StockStage(family, c, depth, HALF) for c, depth in zip(widths, depths, strict=True))


HALF = {"expansion": 0.5}

# At the scales n (w = 1) and s (w = 2), which differ in width alone.


def _yolov5(scale: str, w: int) -> Template:
    """YOLOv5 with the anchor-free head of Ultralytics: yolov5nu and yolov5su there."""
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
    """YOLOv8 of Ultralytics."""
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
    """YOLO11, or YOLO26 if ``newer``: its last stage, with attention, is fixed."""
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
    """GELAN of YOLOv9 (arXiv 2402.13616) with the head of Ultralytics: yolov9t and yolov9s there."""

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
"""Templates by name."""
