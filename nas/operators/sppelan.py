"""SPPELAN, the pooling pyramid of YOLOv9 and GELAN.

Source: Wang, Yeh and Liao, "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information", 2024.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.registration import register


@register()
class SPPELANOperator(StockOperator):
    """Row arguments: [c2, c3, k=5]."""

    example = (24, 8)

    @staticmethod
    def costs(c1: int, c2: int, c3: int, k: int = 5, *, grid: Grid) -> list[Cost]:
        return [conv_cost(1, c1, c3, grid), conv_cost(1, 4 * c3, c2, grid)]
