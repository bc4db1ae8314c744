"""C2fPSA, a stage of Ultralytics: the C2f shell round blocks of self-attention."""

from __future__ import annotations

from nas.operators.modules.psa import PSABlock
from nas.operators.modules.shell import Shell
from nas.operators.psa import psa_heads, psa_hidden


class C2fPSA(Shell):
    """The shell round n `PSABlock` of width int(c2 * e); it keeps its channels. Row arguments: [c2, e=0.5]."""

    def __init__(self, c1: int, c2: int, n: int = 1, e: float = 0.5):
        hidden = psa_hidden(c1, c2, e)
        super().__init__(c1, c2, hidden, n, lambda: PSABlock(hidden, heads=psa_heads(hidden)))
