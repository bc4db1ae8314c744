"""The detection head of YOLOv9 and GELAN: Detect with a group of box channels for each side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Cost, Shape
from nas.operators.detect import BINS, Detect, DetectOperator, detect_costs


class DDetect(Detect):
    """`Detect` whose last two box convolutions have four groups, and whose hidden widths differ. Row arguments: [nc].

    Takes and gives what `Detect` does.
    """

    groups = 4
    box_bias = 1.0

    def __init__(self, nc: int, channels: Sequence[int]):
        super().__init__(nc, channels)

    @staticmethod
    def hidden_widths(nc: int, first: int, bins: int = BINS) -> tuple[int, int]:
        """Hidden channels of the box and the class branches (blocks.md, 3.2)."""
        return -(-max(first // 4, 4 * bins, 16) // 4) * 4, max(first, min(2 * nc, 128))


class DDetectOperator(DetectOperator):
    name = "DDetect"
    module = DDetect

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        return detect_costs(inputs, DDetect, arguments[0], True, BINS)
