"""SPPF, the pooling pyramid at the end of the backbone."""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register

POOLS = 3
"""Pools of a row that does not give their number."""


@register()
class SPPFOperator(StockOperator):
    """Row arguments: [c2, k=5] or [c2, k, n, shortcut=False]."""

    example = (24, 5)

    @staticmethod
    def costs(c1: int, c2: int, k: int = 5, n: int | None = None, shortcut: bool = False, *, grid: Grid) -> list[Cost]:
        hidden, pools = c1 // 2, POOLS if n is None else n
        return [conv_cost(1, c1, hidden, grid), conv_cost(1, (1 + pools) * hidden, c2, grid)]
