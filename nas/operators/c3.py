"""C3, the stage of YOLOv5."""

from __future__ import annotations

from collections.abc import Mapping

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.bottleneck import bottleneck_costs
from nas.operators.family import Number, Parameter, Row
from nas.operators.registration import register


def c3_shell_costs(c1: int, c2: int, hidden: int, n: int, grid: Grid, block: list[Cost]) -> list[Cost]:
    """Costs of the three convolutions of a `C3Shell` and of ``n`` blocks, each of the costs ``block``."""
    return [*[conv_cost(1, c1, hidden, grid)] * 2, conv_cost(1, 2 * hidden, c2, grid), *block * n]


@register(
    key="c3",
    title="C3, the stage of YOLOv5",
    shells=("csp",),
    expansion=Parameter("e", 0.125, 1.0, meaning="width of the bottlenecks over the stage's"),
)
class C3Operator(StockOperator):
    """Row arguments: [c2, shortcut=True, g=1, e=0.5]."""

    example = (24, True)
    depth_argument = 2

    @staticmethod
    def costs(
        c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        hidden = int(c2 * e)
        return c3_shell_costs(c1, c2, hidden, n, grid, bottleneck_costs(hidden, hidden, grid, g, (1, 3), 1))

    @staticmethod
    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        expansion = parameters["expansion"]
        return depth, "C3", (channels,) if expansion == 0.5 else (channels, True, 1, expansion)

    @staticmethod
    def neck_row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        expansion = parameters["expansion"]
        return depth, "C3", (channels, False) if expansion == 0.5 else (channels, False, 1, expansion)
