"""The detection head of YOLOv5: boxes relative to three anchors a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape, conv_cost
from nas.operators.detect import HeadOperator
from nas.operators.registration import register

Anchors = tuple[tuple[float, ...], ...]
"""Width, height, width, height, ... in pixels, for each map."""


@register()
class AnchorDetectOperator(HeadOperator):
    """Row arguments: [nc, anchors]. YOLOv5's YAMLs call it Detect, the name of another head here."""

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        nc, anchors = args
        cells = self.points(inputs)
        levels = tuple(tuple(level) for level in anchors)
        sides = {len(level) for level in levels}
        if len(levels) != len(inputs) or len(sides) != 1 or 0 in sides or (numbers := sides.pop()) % 2:
            raise ValueError(f"AnchorDetect takes width, height, ... of as many anchors for each level, not {anchors}")
        output = (numbers // 2 * cells, nc + 5, 1)
        return Call((nc, levels, tuple(shape[0] for shape in inputs)), repeats, output)

    @staticmethod
    def costs(nc: int, anchors: Anchors, channels: Sequence[int], *, grids: Sequence[Grid]) -> list[Cost]:
        out = len(anchors[0]) // 2 * (nc + 5)
        return [conv_cost(1, c, out, grid, after="bias") for c, grid in zip(channels, grids, strict=True)]
