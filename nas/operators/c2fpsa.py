"""C2fPSA, a stage of Ultralytics: the C2f shell round blocks of self-attention."""

from __future__ import annotations

from typing import Any

from nas.operators.base import Cost, Grid, StockOperator
from nas.operators.psa import psa_block_costs, psa_heads, psa_hidden
from nas.operators.registration import register
from nas.operators.shell import shell_costs


@register()
class C2fPSAOperator(StockOperator):
    """Row arguments: [c2, e=0.5]."""

    example = (16, 0.5)
    depth_argument = 2

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        c1, c2, _, e = arguments
        psa_heads(psa_hidden(c1, c2, e))
        return grid

    @staticmethod
    def costs(c1: int, c2: int, n: int = 1, e: float = 0.5, *, grid: Grid) -> list[Cost]:
        hidden = int(c2 * e)
        return shell_costs(c1, c2, hidden, n, grid, psa_block_costs(hidden, psa_heads(hidden), grid))
