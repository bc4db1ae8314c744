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
    """Row arguments: [nc, anchors], the anchors or their number. YOLOv5's YAMLs call it Detect, another head here."""

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        nc, anchors = args
        cells = self.points(inputs)
        levels = _levels(anchors, len(inputs))
        output = (len(levels[0]) // 2 * cells, nc + 5, 1)
        if nc < 1:
            raise ValueError(f"nc must be 1 or more, not {nc}")
        return Call((nc, levels, tuple(shape[0] for shape in inputs)), repeats, output)

    @staticmethod
    def costs(nc: int, anchors: Anchors, channels: Sequence[int], *, grids: Sequence[Grid]) -> list[Cost]:
        out = len(anchors[0]) // 2 * (nc + 5)
        return [conv_cost(1, c, out, grid, after="bias") for c, grid in zip(channels, grids, strict=True)]


def _levels(anchors: Anchors | int, levels: int) -> Anchors:
    """Anchors of each map; raises ValueError if they are wrong.

    Of a number of anchors, YOLOv5's trainer makes anchors from the data; before it does, they are 0, 1, 2, ...
    """
    if isinstance(anchors, int):
        anchors = (tuple(range(2 * anchors)),) * levels
    lists = anchors if isinstance(anchors, tuple) and all(isinstance(level, tuple) for level in anchors) else ()
    sizes = [size for level in lists for size in level]
    numbers = all(isinstance(size, int | float) and not isinstance(size, bool) for size in sizes)
    if (
        not sizes
        or not numbers
        or len(lists) != levels
        or len({len(level) for level in lists}) > 1
        or len(lists[0]) % 2
    ):
        raise ValueError(f"anchors: must be their number, or width, height, ... of as many for each of {levels} levels")
    return lists
