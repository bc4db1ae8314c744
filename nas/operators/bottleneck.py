"""The bottleneck inside C3, C2f and their descendants; a row of its own in YOLOv3."""

from __future__ import annotations

from typing import Any

from nas.operators.arguments import Kernels
from nas.operators.base import Cost, Grid, Size, StockOperator, conv_cost, pair
from nas.operators.registration import register


def bottleneck_costs(
    c1: int, c2: int, grid: Grid, g: int = 1, k: tuple[Size, Size] = (3, 3), e: float = 0.5
) -> list[Cost]:
    """Costs of the two convolutions of a `Bottleneck`."""
    hidden = int(c2 * e)
    return [conv_cost(k[0], c1, hidden, grid), conv_cost(k[1], hidden, c2, grid, g)]


@register()
class BottleneckOperator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, k=[3, 3], e=0.5]. That of YOLOv5 has the kernels 1 and 3, and no k."""

    example = (16,)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        kernels = [size for kernel in arguments[4] for size in pair(kernel)]
        if any(size < 1 or size % 2 == 0 for size in kernels):
            raise ValueError(f"its convolutions keep the map: their kernels must be odd, not {arguments[4]}")
        return grid

    @staticmethod
    def costs(
        c1: int, c2: int, shortcut: bool = True, g: int = 1, k: Kernels = (3, 3), e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        return bottleneck_costs(c1, c2, grid, g, k, e)
