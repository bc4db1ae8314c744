"""C3k2, the stage of YOLO11, YOLO12 and YOLO26: the shell of C2f round smaller or deeper blocks."""

from __future__ import annotations

from collections.abc import Mapping

from nas.operators.base import Cost, Grid, StockOperator
from nas.operators.bottleneck import bottleneck_costs
from nas.operators.c3 import c3_shell_costs
from nas.operators.family import Number, Parameter, Row
from nas.operators.psa import psa_block_costs, psa_heads
from nas.operators.registration import register
from nas.operators.shell import shell_costs


def c3k_costs(c1: int, c2: int, n: int, grid: Grid, g: int = 1) -> list[Cost]:
    """Costs of a `C3k` with e = 1/2 and k = 3."""
    hidden = int(c2 * 0.5)
    return c3_shell_costs(c1, c2, hidden, n, grid, bottleneck_costs(hidden, hidden, grid, g, e=1))


@register(
    key="c3k2",
    title="C3k2, the stage of YOLO11",
    shells=("csp",),
    entry_divisor="in_div",
    c3k=Parameter("k", 0, 1, meaning="1: its blocks are C3k, 0: bottlenecks"),
    expansion=Parameter("e", 0.25, 1.0, meaning="width of its blocks over the stage's"),
    in_div=Parameter(
        "i", 1, 4, divisor=True, meaning="the convolution before the stage has one in this many of its channels"
    ),
)
class C3k2Operator(StockOperator):
    """Row arguments: [c2, c3k=False, e=0.5, attn=False, g=1, shortcut=True]."""

    example = (24, True)
    depth_argument = 2

    @staticmethod
    def costs(
        c1: int,
        c2: int,
        n: int = 1,
        c3k: bool = False,
        e: float = 0.5,
        attn: bool = False,
        g: int = 1,
        shortcut: bool = True,
        *,
        grid: Grid,
    ) -> list[Cost]:
        hidden = int(c2 * e)
        if attn:
            block = bottleneck_costs(hidden, hidden, grid, g) + psa_block_costs(hidden, psa_heads(hidden), grid)
        else:
            block = c3k_costs(hidden, hidden, 2, grid, g) if c3k else bottleneck_costs(hidden, hidden, grid, g)
        return shell_costs(c1, c2, hidden, n, grid, block)

    @staticmethod
    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        c3k, expansion = bool(parameters["c3k"]), parameters["expansion"]
        return depth, "C3k2", (channels, c3k) if expansion == 0.5 else (channels, c3k, expansion)

    @staticmethod
    def widths(width: int, parameters: Mapping[str, Number]) -> tuple[int, ...]:
        return (width // 4,)  # in_div leaves a multiple of 8 of the stage's 2 x width channels
