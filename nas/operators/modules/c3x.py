"""C3x, a stage of YOLOv5: C3 with bottlenecks of a 1x3 and a 3x1 convolution."""

from __future__ import annotations

from nas.operators.c3x import KERNELS
from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.c3 import C3Shell


class C3x(C3Shell):
    """The shell round n bottlenecks of 1x3 and 3x1, of width int(c2 * e).

    Row arguments: [c2, shortcut=True, g=1, e=0.5].
    """

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, hidden, shortcut, g, KERNELS, 1))
