"""C2f, the stage of YOLOv8."""

from __future__ import annotations

from collections.abc import Mapping

from nas.operators.base import Cost, Grid, StockOperator
from nas.operators.bottleneck import bottleneck_costs
from nas.operators.family import Number, Parameter, Row
from nas.operators.registration import register
from nas.operators.shell import shell_costs


@register(
    key="c2f",
    title="C2f, the stage of YOLOv8",
    shells=("csp",),
    expansion=Parameter("e", 0.125, 1.0, meaning="width of the bottlenecks over the stage's"),
)
class C2fOperator(StockOperator):
    """Row arguments: [c2, shortcut=False, g=1, e=0.5]."""

    example = (24, True)
    depth_argument = 2

    @staticmethod
    def costs(
        c1: int, c2: int, n: int = 1, shortcut: bool = False, g: int = 1, e: float = 0.5, *, grid: Grid
    ) -> list[Cost]:
        hidden = int(c2 * e)
        return shell_costs(c1, c2, hidden, n, grid, bottleneck_costs(hidden, hidden, grid, g, e=1))

    @staticmethod
    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        expansion = parameters["expansion"]
        stock = (channels, True)
        return depth, "C2f", stock if expansion == 0.5 else (*stock, 1, expansion)

    @staticmethod
    def neck_row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        expansion = parameters["expansion"]
        return depth, "C2f", (channels,) if expansion == 0.5 else (channels, False, 1, expansion)
