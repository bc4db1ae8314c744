"""The detection head of YOLOv9 and GELAN: Detect with a group of box channels for each side."""

from __future__ import annotations

from collections.abc import Sequence

from nas.operators.ddetect import GROUPS, hidden_widths
from nas.operators.modules.detect import Detect


class DDetect(Detect):
    """`Detect` with other hidden widths and four groups in the last two box convolutions. Row arguments: [nc].

    Input and output are those of `Detect`.
    """

    groups = GROUPS
    box_bias = 1.0
    hidden_widths = staticmethod(hidden_widths)

    def __init__(self, nc: int, channels: Sequence[int], *, strides: Sequence[int]):
        super().__init__(nc, channels, strides=strides)
