"""C3, the stage of YOLOv5, and its CSP shell round any block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators.base import Cost, Shape, StockOperator, conv_cost
from nas.operators.bottleneck import Bottleneck, bottleneck_costs
from nas.operators.conv import Conv
from nas.operators.family import Family, Number, Parameter, Row


class C3Shell(nn.Module):
    """Two 1x1 branches, a chain of blocks on the first, 1x1 over both: (B, c1, H, W) -> (B, c2, H, W).

    ``block()`` builds a block that keeps ``hidden`` channels. The wiring and the keys (cv1, cv2, cv3, m) are those of
    C3 (facts: blocks.md, section 2).
    """

    def __init__(self, c1: int, c2: int, hidden: int, n: int, block: Callable[[], nn.Module]):
        super().__init__()
        self.cv1 = Conv(c1, hidden, 1)
        self.cv2 = Conv(c1, hidden, 1)
        self.cv3 = Conv(2 * hidden, c2, 1)
        self.m = nn.Sequential(*(block() for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1)))


def c3_shell_costs(c1: int, c2: int, hidden: int, n: int, grid: tuple[int, int], block: list[Cost]) -> list[Cost]:
    """The shell's own three convolutions and n times the block's."""
    return [*[conv_cost(1, c1, hidden, grid)] * 2, conv_cost(1, 2 * hidden, c2, grid), *block * n]


class C3(C3Shell):
    """The shell round n bottlenecks of 1x1 and 3x3, of width int(c2 * e). Row arguments: [c2, shortcut=True, g=1,
    e=0.5]."""

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, hidden, shortcut, g, (1, 3), 1))


class C3Operator(StockOperator):
    name = "C3"
    module = C3
    example = (24, True)
    depth_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, n, _, g, e = self.filled(arguments)
        grid, hidden = inputs[0][1:], int(c2 * e)
        return c3_shell_costs(c1, c2, hidden, n, grid, bottleneck_costs(hidden, hidden, grid, g, (1, 3), 1))


def _row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    expansion = parameters["expansion"]
    return depth, "C3", (channels,) if expansion == 0.5 else (channels, True, 1, expansion)


def _neck_row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    expansion = parameters["expansion"]
    return depth, "C3", (channels, False) if expansion == 0.5 else (channels, False, 1, expansion)


C3_FAMILY = Family(
    key="c3",
    title="C3, the stage of YOLOv5",
    shells=("csp",),
    parameters={"expansion": Parameter("e", 0.125, 1.0, False, "width of the bottlenecks over the stage's")},
    row=_row,
    neck_row=_neck_row,
    widths=lambda width, parameters: (width,),
)
