"""Ghost convolution, and the Ghost bottleneck of the stock YOLOs: a 5x5 cheap operation with norm and SiLU.

Source: Han et al., "GhostNet: More Features from Cheap Operations", CVPR 2020, sections 3.1, 3.2.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.c3 import c3_shell_costs
from nas.operators.registration import register


def ghost_costs(k: int, c1: int, c2: int, grid: Grid, g: int = 1, s: int = 1) -> list[Cost]:
    """Costs of the two convolutions of a `GhostConv`; ``grid`` is that of its output."""
    half = c2 // 2
    return [conv_cost(k, c1, half, grid, g, stride=s), conv_cost(5, half, half, grid, half)]


@register()
class GhostConvOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, g=1, act=True]."""

    example = (24, 3, 2)
    stride_argument = 2

    @staticmethod
    def costs(c1: int, c2: int, k: int = 1, s: int = 1, g: int = 1, act: bool = True, *, grid: Grid) -> list[Cost]:
        return ghost_costs(k, c1, c2, (-(-grid[0] // s), -(-grid[1] // s)), g, s)


@register()
class C3GhostOperator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, e=0.5]; shortcut and g have no effect."""

    example = (24,)
    depth_argument = 2

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
