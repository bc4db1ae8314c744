"""C2f, the stage of YOLOv8."""

from __future__ import annotations

from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.shell import Shell


class C2f(Shell):
    """The shell round n bottlenecks of width int(c2 * e). Row arguments: [c2, shortcut=False, g=1, e=0.5]."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = False, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, hidden, shortcut, g, e=1))
