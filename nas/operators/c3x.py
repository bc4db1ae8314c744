"""C3x, a stage of YOLOv5: C3 with bottlenecks of a 1x3 and a 3x1 convolution."""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator
from nas.operators.bottleneck import bottleneck_costs
from nas.operators.c3 import c3_shell_costs
from nas.operators.registration import register

KERNELS = ((1, 3), (3, 1))


@register()
class C3xOperator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, e=0.5]."""

    example = (24, True)
    depth_argument = 2

    @staticmethod
    def costs(
        c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        hidden = int(c2 * e)
        return c3_shell_costs(c1, c2, hidden, n, grid, bottleneck_costs(hidden, hidden, grid, g, KERNELS, 1))
