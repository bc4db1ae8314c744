"""Templates: stock detectors generated from a stage table, with the stages that a search may rewrite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nas.detectors._rows import Detector, Row


class Stage(NamedTuple):
    """One backbone stage: its width, and its row as repeats, module and arguments."""

    channels: int
    repeats: int
    module: str
    args: tuple[Any, ...]


@dataclass(frozen=True)
class Template:
    """A stock detector with named stages. ``version`` changes when the same stages would give other rows.

    ``depths`` and ``channels`` are the stock stages'; ``neck`` the widths of the neck's four C2f, whose depth is
    ``neck_depth``; ``stem`` the channels of the first convolution.
    """

    name: str
    version: int
    stem: int
    channels: tuple[int, ...]
    depths: tuple[int, ...]
    neck: tuple[int, int, int, int]
    neck_depth: int

    stages = ("p2", "p3", "p4", "p5")

    def stock_stages(self) -> tuple[Stage, ...]:
        return tuple(Stage(c, n, "C2f", (c, True)) for c, n in zip(self.channels, self.depths, strict=True))

    def assemble(self, stages: Sequence[Stage], nc: int) -> Detector:
        """The detector with these four stages. Channels change in the convolution before a stage, so that row numbers,
        neck and head stay those of the stock model."""
        rows: list[Row] = []

        def add(module: str, *args: Any, source: tuple[int, ...] = (-1,), repeats: int = 1) -> None:
            rows.append(Row(source, repeats, module, args))

        def up_and_join(lateral: int) -> None:
            add("nn.Upsample", None, 2, "nearest")
            add("Concat", 1, source=(-1, lateral))

        add("Conv", self.stem, 3, 2)
        for channels, repeats, module, args in stages:
            add("Conv", channels, 3, 2)
            add(module, *args, repeats=repeats)
        add("SPPF", stages[-1].channels, 5)
        backbone = len(rows)
        top_p4, out_p3, out_p4, out_p5 = self.neck
        up_and_join(6)
        add("C2f", top_p4, repeats=self.neck_depth)
        up_and_join(4)
        add("C2f", out_p3, repeats=self.neck_depth)
        add("Conv", out_p3, 3, 2)
        add("Concat", 1, source=(-1, 12))
        add("C2f", out_p4, repeats=self.neck_depth)
        add("Conv", out_p4, 3, 2)
        add("Concat", 1, source=(-1, 9))
        add("C2f", out_p5, repeats=self.neck_depth)
        add("Detect", nc, source=(15, 18, 21))
        return Detector(tuple(rows), nc, backbone)

    def stock(self, nc: int) -> Detector:
        """The template itself."""
        return self.assemble(self.stock_stages(), nc)


TEMPLATES = {
    template.name: template
    for template in (
        # YOLOv8 at depth 0.33 and width 0.25 (blocks.md, 5.2): 3,157,200 parameters at nc = 80.
        Template("yolov8n", 1, 16, (32, 64, 128, 256), (1, 2, 2, 1), (128, 64, 128, 256), 1),
    )
}
