"""GSConv: a Ghost convolution whose two halves are shuffled into each other.

Source: Li et al., "Slim-neck by GSConv", arXiv 2206.02424.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid
from nas.operators.block import BlockOperator
from nas.operators.ghost import GhostConvOperator, ghost_costs
from nas.operators.registration import register


@register()
class GSConvOperator(GhostConvOperator):
    """Row arguments: [c2, k=1, s=1, g=1, act=True]."""


@register(key="gsconv", title="GSConv block")
class GSBlockOperator(BlockOperator):
    example = (16,)
    csp_example = (16, 2)

    @staticmethod
    def costs(channels: int, *, grid: Grid) -> list[Cost]:
        half = channels // 2
        return ghost_costs(1, channels, half, grid) + ghost_costs(3, half, channels, grid)
