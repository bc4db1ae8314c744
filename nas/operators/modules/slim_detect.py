"""`Detect` with widths and a depth of its own: a head that a search narrows."""

from __future__ import annotations

from collections.abc import Sequence

from nas.operators.detect import BINS
from nas.operators.modules.detect import Detect, Head


class SlimDetect(Detect):
    """Per level a box branch and a class branch of ``depth`` 3x3 and one 1x1 convolution.

    Row arguments: [nc, box_width, class_width, depth, depthwise]. With ``depthwise`` the 3x3 convolutions of
    the class branch are depthwise, each followed by a 1x1. Input and output are those of `Detect`.
    """

    def __init__(
        self,
        nc: int,
        channels: Sequence[int],
        box_width: int,
        class_width: int,
        depth: int,
        depthwise: bool,
        *,
        strides: Sequence[int],
    ):
        Head.__init__(self, strides)
        self._build(nc, channels, (box_width, class_width), not depthwise, BINS, depth)
