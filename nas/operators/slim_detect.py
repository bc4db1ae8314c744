"""`Detect` with widths and a depth of its own: a head that a search narrows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape
from nas.operators.detect import BINS, DistributionHead, detect_costs
from nas.operators.registration import register


@register()
class SlimDetectOperator(DistributionHead):
    """Row arguments: [nc, box_width, class_width, depth, depthwise].

    Widths are channels inside the box and the class branches of every level; depth is the number of 3x3 convolutions
    of each. With ``depthwise`` those of the class branches are depthwise, each followed by a 1x1. Ultralytics has no
    such module: `nas.integrations.ultralytics` registers it there.
    """

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        for name, value in zip(self.row_signature.parameters, args, strict=False):
            if value < 1 and name != "depthwise":
                raise ValueError(f"{name} must be 1 or more, not {value}")
        return super().resolve(inputs, repeats, args)

    @staticmethod
    def costs(
        nc: int,
        channels: Sequence[int],
        box_width: int,
        class_width: int,
        depth: int,
        depthwise: bool,
        *,
        grids: Sequence[Grid],
    ) -> list[Cost]:
        return detect_costs(nc, channels, grids, not depthwise, BINS, (box_width, class_width), depth=depth)
