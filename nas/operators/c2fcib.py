"""C2fCIB, the late stage of YOLOv10: the C2f shell round inverted blocks of depthwise and 1x1 convolutions.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (compact inverted
block, large-kernel convolution).
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register
from nas.operators.rep import rep_cost
from nas.operators.shell import shell_costs


@register()
class C2fCIBOperator(StockOperator):
    """Row arguments: [c2, shortcut=False, lk=False, g=1, e=0.5]; g has no effect."""

    example = (24, True, True)
    depth_argument = 2

    @staticmethod
    def costs(
        c1: int,
        c2: int,
        n: int = 1,
        shortcut: bool = False,
        lk: bool = False,
        g: int = 1,
        e: float = 0.5,
        *,
        grid: Grid,
    ) -> list[Cost]:
        hidden = int(c2 * e)
        wide = 2 * hidden
        block = [
            conv_cost(3, hidden, hidden, grid, hidden),
            conv_cost(1, hidden, wide, grid),
            rep_cost(7, 3, wide, wide, grid, wide) if lk else conv_cost(3, wide, wide, grid, wide),
            conv_cost(1, wide, hidden, grid),
            conv_cost(3, hidden, hidden, grid, hidden),
        ]
        return shell_costs(c1, c2, hidden, n, grid, block)
