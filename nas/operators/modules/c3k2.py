"""C3k2, the stage of YOLO11, YOLO12 and YOLO26: the shell of C2f round smaller or deeper blocks."""

from __future__ import annotations

from torch import nn

from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.c3 import C3Shell
from nas.operators.modules.psa import PSABlock
from nas.operators.modules.shell import Shell
from nas.operators.psa import psa_heads


class C3k(C3Shell):
    """C3 with bottlenecks of two k x k convolutions: (B, c1, H, W) -> (B, c2, H, W). Not a row kind."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, k: int = 3):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, hidden, shortcut, g, (k, k), 1))


class C3k2(Shell):
    """The C2f shell round n blocks of width int(c2 * e).

    A block is a bottleneck that halves the width inside; with ``c3k`` a `C3k` of two bottlenecks; with ``attn`` a
    bottleneck and a `PSABlock`. Row arguments: [c2, c3k=False, e=0.5, attn=False, g=1, shortcut=True]; unlike C2f, e
    comes before g and shortcut.
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        n: int = 1,
        c3k: bool = False,
        e: float = 0.5,
        attn: bool = False,
        g: int = 1,
        shortcut: bool = True,
    ):
        hidden = int(c2 * e)

        def block() -> nn.Module:
            if attn:
                return nn.Sequential(Bottleneck(hidden, hidden, shortcut, g), PSABlock(hidden, heads=psa_heads(hidden)))
            return C3k(hidden, hidden, 2, shortcut, g) if c3k else Bottleneck(hidden, hidden, shortcut, g)

        super().__init__(c1, c2, hidden, n, block)
