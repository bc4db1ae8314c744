"""Ghost convolution, and the Ghost bottleneck of the stock YOLOs: a 5x5 cheap operation with norm and SiLU.

Source: Han et al., "GhostNet: More Features from Cheap Operations", CVPR 2020, sections 3.1, 3.2.
"""

from __future__ import annotations

from typing import Any

from nas.operators.base import Cost, Grid, Size, StockOperator, conv_cost, conv_grid
from nas.operators.block import BlockOperator
from nas.operators.c3 import c3_shell_costs
from nas.operators.registration import register


def ghost_costs(k: Size, c1: int, c2: int, grid: Grid, g: int = 1, s: Size = 1) -> list[Cost]:
    """Costs of the two convolutions of a `GhostConv`; ``grid`` is that of its output."""
    half = c2 // 2
    return [conv_cost(k, c1, half, grid, g, stride=s), conv_cost(5, half, half, grid, half)]


@register()
class GhostConvOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, g=1, act=True]."""

    example = (24, 3, 2)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        return conv_grid(grid, arguments[2], arguments[3])

    @staticmethod
    def costs(c1: int, c2: int, k: Size = 1, s: Size = 1, g: int = 1, act: bool = True, *, grid: Grid) -> list[Cost]:
        return ghost_costs(k, c1, c2, conv_grid(grid, k, s), g, s)


@register()
class GhostBottleneckOperator(StockOperator):
    """Row arguments: [c2, k=3, s=1]."""

    example = (24, 3, 2)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        c1, c2, k, s = arguments
        if s not in {1, 2} or c2 % 4 or (s == 1 and c1 != c2):
            raise ValueError(
                f"takes stride 1 and equal channels, or stride 2, and 4 must divide {c2}: not {c1}, {c2}, {s}"
            )
        return grid if s == 1 else conv_grid(grid, k, s)

    @staticmethod
    def costs(c1: int, c2: int, k: int = 3, s: int = 1, *, grid: Grid) -> list[Cost]:
        half = c2 // 2
        out = grid if s == 1 else conv_grid(grid, k, s)
        shrink = [conv_cost(k, half, half, out, half, stride=s)]
        beside = [conv_cost(k, c1, c1, out, c1, stride=s), conv_cost(1, c1, c2, out)]
        ends = ghost_costs(1, c1, half, grid) + ghost_costs(1, half, c2, out)
        return ends if s == 1 else [*ends, *shrink, *beside]


@register()
class C3GhostOperator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, e=0.5]; shortcut and g have no effect."""

    example = (24,)
    depth_argument = 2

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        hidden, g = int(arguments[1] * arguments[5]), arguments[4]
        if hidden % 4 or g < 1 or hidden % g:  # the trainers build bottlenecks in g groups first, and drop them
            raise ValueError(f"4 and the {g} groups must divide the width inside, {hidden}")
        return grid

    @staticmethod
    def costs(
        c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        hidden = int(c2 * e)
        return c3_shell_costs(c1, c2, hidden, n, grid, GhostBlockOperator.costs(hidden, grid=grid))


@register(key="ghost", title="Ghost bottleneck")
class GhostBlockOperator(BlockOperator):
    example = (16,)
    csp_example = (16, 2)

    @staticmethod
    def costs(channels: int, *, grid: Grid) -> list[Cost]:
        half = channels // 2
        return ghost_costs(1, channels, half, grid) + ghost_costs(1, half, channels, grid)
