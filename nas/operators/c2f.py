"""C2f, the stage of YOLOv8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators._base import Cost, Shape, StockOperator, conv_cost
from nas.operators._family import Family, Number, Parameter, Row
from nas.operators._shell import Shell, shell_costs
from nas.operators.conv import Conv


class Bottleneck(nn.Module):
    """Two 3x3 convolutions at constant width, the second grouped, with a shortcut round both."""

    def __init__(self, c: int, shortcut: bool, g: int):
        super().__init__()
        self.cv1 = Conv(c, c, 3)
        self.cv2 = Conv(c, c, 3, g=g)
        self.add = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv2(self.cv1(x))
        return cast(torch.Tensor, x + y if self.add else y)


class C2f(Shell):
    """The shell round n bottlenecks of width int(c2 * e). Row arguments: [c2, shortcut=False, g=1, e=0.5]."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = False, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, shortcut, g))


class C2fOperator(StockOperator):
    name = "C2f"
    module = C2f
    example = (24, True)
    depth_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, n, _, g, e = self.filled(arguments)
        grid, hidden = inputs[0][1:], int(c2 * e)
        block = [conv_cost(3, hidden, hidden, grid), conv_cost(3, hidden, hidden, grid, g)]
        return shell_costs(c1, c2, hidden, n, grid, block)


def _row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    expansion = parameters["expansion"]
    stock = (channels, True)
    return depth, "C2f", stock if expansion == 0.5 else (*stock, 1, expansion)


C2F_FAMILY = Family(
    key="c2f",
    title="C2f, the template's own",
    shells=("csp",),
    parameters={"expansion": Parameter("e", 0.125, 1.0, False, "width of the bottlenecks over the stage's")},
    row=_row,
    widths=lambda width, parameters: (width,),
)
