"""C3k2, the stage of YOLO11, YOLO12 and YOLO26: the shell of C2f round smaller or deeper blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from nas.operators.base import Cost, Shape, StockOperator
from nas.operators.bottleneck import Bottleneck, bottleneck_costs
from nas.operators.c3 import C3Shell, c3_shell_costs
from nas.operators.family import Family, Number, Parameter, Row
from nas.operators.psa import PSABlock, psa_block_costs, psa_heads
from nas.operators.shell import Shell, shell_costs


class C3k(C3Shell):
    """C3 with bottlenecks of two k x k convolutions: (B, c1, H, W) -> (B, c2, H, W). Not a row kind."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, k: int = 3):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, hidden, shortcut, g, (k, k), 1))


def c3k_costs(c1: int, c2: int, n: int, grid: tuple[int, int], g: int = 1) -> list[Cost]:
    """A `C3k` with e = 1/2 and k = 3."""
    hidden = int(c2 * 0.5)
    return c3_shell_costs(c1, c2, hidden, n, grid, bottleneck_costs(hidden, hidden, grid, g, e=1))


class C3k2(Shell):
    """The C2f shell round n blocks of width int(c2 * e): bottlenecks that halve it inside, or with ``c3k`` a `C3k` of
    two, or with ``attn`` such a bottleneck and a `PSABlock`.

    Row arguments: [c2, c3k=False, e=0.5, attn=False, g=1, shortcut=True]; unlike C2f, e comes before g and shortcut.
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


class C3k2Operator(StockOperator):
    name = "C3k2"
    module = C3k2
    example = (24, True)
    depth_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, n, c3k, e, attn, g, _ = self.filled(arguments)
        grid, hidden = inputs[0][1:], int(c2 * e)
        if attn:
            block = bottleneck_costs(hidden, hidden, grid, g) + psa_block_costs(hidden, psa_heads(hidden), grid)
        else:
            block = c3k_costs(hidden, hidden, 2, grid, g) if c3k else bottleneck_costs(hidden, hidden, grid, g)
        return shell_costs(c1, c2, hidden, n, grid, block)


def _row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    c3k, expansion = bool(parameters["c3k"]), parameters["expansion"]
    return depth, "C3k2", (channels, c3k) if expansion == 0.5 else (channels, c3k, expansion)


C3K2_FAMILY = Family(
    key="c3k2",
    title="C3k2, the stage of YOLO11",
    shells=("csp",),
    parameters={
        "c3k": Parameter("k", 0, 1, False, "1: its blocks are C3k, 0: bottlenecks"),
        "expansion": Parameter("e", 0.25, 1.0, False, "width of its blocks over the stage's"),
        "in_div": Parameter("i", 1, 4, True, "the convolution before the stage has one in this many of its channels"),
    },
    row=_row,
    widths=lambda width, parameters: (width // 4,),  # of 2 x width channels, in_div leaves a multiple of 8
    entry_divisor="in_div",
)
