"""BottleneckCSP, the stage of YOLOv5 until version 4.

Source: Wang et al., "CSPNet: A New Backbone that can Enhance Learning Capability of CNN", CVPR Workshops 2020.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.bottleneck import bottleneck_costs
from nas.operators.registration import register


@register()
class BottleneckCSPOperator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, e=0.5]."""

    example = (24,)
    depth_argument = 2

    @staticmethod
    def costs(
        c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        hidden = int(c2 * e)
        bare = [conv_cost(1, c, hidden, grid, after="nothing") for c in (c1, hidden)]
        # The norm after both is half of each; it folds into them.
        halves = [
            cost._replace(params=cost.params + 2 * hidden, weight_bytes=cost.weight_bytes + 4 * hidden) for cost in bare
        ]
        ends = [conv_cost(1, c1, hidden, grid), conv_cost(1, 2 * hidden, c2, grid)]
        return [*ends, *halves, *bottleneck_costs(hidden, hidden, grid, g, e=1) * n]
