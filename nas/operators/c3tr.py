"""C3TR, the stage of YOLOv5-transformer: C3 round layers of self-attention.

Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2, without norms, as in YOLOv5.
"""

from __future__ import annotations

from typing import Any

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.c3 import c3_shell_costs
from nas.operators.psa import attention_cost
from nas.operators.registration import register

HEADS = 4


@register()
class C3TROperator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, e=0.5]; shortcut and g have no effect."""

    example = (24,)
    depth_argument = 2

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        hidden, g = int(arguments[1] * arguments[5]), arguments[4]
        if hidden % HEADS or g < 1 or hidden % g:  # the trainers build bottlenecks in g groups first, and drop them
            raise ValueError(f"{HEADS} heads and the {g} groups must divide the width inside, {hidden}")
        return grid

    @staticmethod
    def costs(
        c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        c = int(c2 * e)
        bias, bare = conv_cost(1, c, c, grid, after="bias"), conv_cost(1, c, c, grid, after="nothing")
        products = attention_cost(HEADS, c // HEADS, c // HEADS, grid[0] * grid[1])
        layer = [*[bare] * 5, *[bias] * 4, products]
        return [*c3_shell_costs(c1, c2, c, 0, grid, []), bias, *layer * n]
