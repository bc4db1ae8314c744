"""ShuffleNetV2 units, in torchvision's variant: the shuffle ends every unit and both stride-2 branches give c2 / 2.

Source: Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", ECCV 2018, section 3,
figure 3 (c, d), with YOLO's SiLU in place of ReLU, as in the other blocks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.family import Number, Parameter
from nas.operators.registration import register


def _branch_costs(c1: int, half: int, grid: Grid, out: Grid, star: int) -> list[Cost]:
    stride = 1 if grid == out else 2
    first = [conv_cost(3, c1, c1, grid, c1)] * bool(star)
    depthwise = conv_cost(3, half, half, out, half, stride=stride)
    return [*first, conv_cost(1, c1, half, grid), depthwise, conv_cost(1, half, half, out)]


@register(
    key="shufflev2",
    title="ShuffleNetV2 unit",
    groups=Parameter("g", 1, 64, divisor=True, meaning="groups of the channel shuffle; 1 shuffles nothing"),
    star=Parameter("s", 0, 1, meaning="1: the v2* form, one more depthwise 3x3"),
)
class ShuffleV2BlockOperator(BlockOperator):
    example = (16, 4, 1)
    csp_example = (16, 2, 2, 0)

    @staticmethod
    def costs(channels: int, groups: int = 2, star: int = 0, *, grid: Grid) -> list[Cost]:
        return _branch_costs(channels // 2, channels // 2, grid, grid, star)

    @staticmethod
    def widths(width: int, parameters: Mapping[str, Number]) -> tuple[int, ...]:
        # Groups that divide half the width hold two channels at least; a shuffle of as many groups as channels does
        # nothing.
        return (width // 2,)


@register()
class ShuffleV2DownOperator(StockOperator):
    """Row arguments: [c2, star=0]."""

    example = (24,)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        return _halved(grid)

    @staticmethod
    def costs(c1: int, c2: int, star: int = 0, *, grid: Grid) -> list[Cost]:
        half, out = c2 // 2, _halved(grid)
        project = [conv_cost(3, c1, c1, out, c1, stride=2), conv_cost(1, c1, half, out)]
        return project + _branch_costs(c1, half, grid, out, star)


def _halved(grid: Grid) -> Grid:
    return -(-grid[0] // 2), -(-grid[1] // 2)
