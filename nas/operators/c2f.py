"""C2f, the stage of YOLOv8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.operators.base import Cost, Shape, StockOperator
from nas.operators.bottleneck import Bottleneck, bottleneck_costs
from nas.operators.family import Family, Number, Parameter, Row
from nas.operators.shell import Shell, shell_costs


class C2f(Shell):
    """The shell round n bottlenecks of width int(c2 * e). Row arguments: [c2, shortcut=False, g=1, e=0.5]."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = False, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, hidden, shortcut, g, e=1))


class C2fOperator(StockOperator):
    name = "C2f"
    module = C2f
    example = (24, True)
    depth_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, n, _, g, e = self.filled(arguments)
        grid, hidden = inputs[0][1:], int(c2 * e)
        return shell_costs(c1, c2, hidden, n, grid, bottleneck_costs(hidden, hidden, grid, g, e=1))


def _row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    expansion = parameters["expansion"]
    stock = (channels, True)
    return depth, "C2f", stock if expansion == 0.5 else (*stock, 1, expansion)


def _neck_row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    expansion = parameters["expansion"]
    return depth, "C2f", (channels,) if expansion == 0.5 else (channels, False, 1, expansion)


C2F_FAMILY = Family(
    key="c2f",
    title="C2f, the stage of YOLOv8",
    shells=("csp",),
    parameters={"expansion": Parameter("e", 0.125, 1.0, False, "width of the bottlenecks over the stage's")},
    row=_row,
    neck_row=_neck_row,
    widths=lambda width, parameters: (width,),
)
