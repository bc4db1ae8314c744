"""RepC3, the neck stage of RT-DETR: two branches that are added, one of convolutions that deployment merges.

Source: Zhao et al., "DETRs Beat YOLOs on Real-time Object Detection", CVPR 2024, section 4.2 (fusion block).
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register
from nas.operators.rep import rep_cost


@register()
class RepC3Operator(StockOperator):
    """Row arguments: [c2, e=1.0]."""

    example = (24, 0.5)
    depth_argument = 2

    @staticmethod
    def costs(c1: int, c2: int, n: int = 3, e: float = 1.0, *, grid: Grid) -> list[Cost]:
        hidden = int(c2 * e)
        last = [] if hidden == c2 else [conv_cost(1, hidden, c2, grid)]
        return [*[conv_cost(1, c1, hidden, grid)] * 2, *[rep_cost(3, 1, hidden, hidden, grid)] * n, *last]
