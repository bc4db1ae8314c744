"""C2, the stage of YOLOv8-P6's lowest map: C2f without the maps in between."""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.bottleneck import bottleneck_costs
from nas.operators.registration import register


@register()
class C2Operator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, e=0.5]."""

    example = (24, True)
    depth_argument = 2

    @staticmethod
    def costs(
        c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        hidden = int(c2 * e)
        ends = [conv_cost(1, c1, 2 * hidden, grid), conv_cost(1, 2 * hidden, c2, grid)]
        return [*ends, *bottleneck_costs(hidden, hidden, grid, g, e=1) * n]
