"""ELAN1, the first stage of GELAN-t and -s, and its shell round any branch.

Source: Wang, Yeh and Liao, "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information", 2024,
section 4.2 (generalised ELAN).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators.base import Call, Cost, Shape, StockOperator, conv_cost
from nas.operators.conv import Conv
from nas.operators.family import Family, Number, Row


class ELANShell(nn.Module):
    """1x1 to two halves of c3, two branches of c4 in a chain on the second, 1x1 over all four maps.

    (B, c1, H, W) -> (B, c2, H, W). ``branch(a, b)`` builds a module from a to b channels. Keys cv1 to cv4.
    """

    def __init__(self, c1: int, c2: int, c3: int, c4: int, branch: Callable[[int, int], nn.Module]):
        super().__init__()
        check_even(c3)
        self.cv1 = Conv(c1, c3, 1)
        self.cv2 = branch(c3 // 2, c4)
        self.cv3 = branch(c4, c4)
        self.cv4 = Conv(c3 + 2 * c4, c2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = list(self.cv1(x).chunk(2, 1))
        for branch in (self.cv2, self.cv3):
            maps.append(branch(maps[-1]))
        return cast(torch.Tensor, self.cv4(torch.cat(maps, 1)))


class ELAN1(ELANShell):
    """The shell round single 3x3 convolutions. Row arguments: [c2, c3, c4]."""

    def __init__(self, c1: int, c2: int, c3: int, c4: int):
        super().__init__(c1, c2, c3, c4, lambda a, b: Conv(a, b, 3))


def check_even(c3: int) -> None:
    """Raise ValueError unless the channels can be halved."""
    if c3 % 2:
        raise ValueError(f"the channels that are halved, c3, must be even, not {c3}")


class ELANOperator(StockOperator):
    """A kind in the shell: row arguments [c2, c3, c4, *the branch's]."""

    branch_costs: Callable[..., list[Cost]]
    """Cost of a branch: of its channels in and out, its parameters and the map (height, width)."""

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        check_even(args[1])
        return super().resolve(inputs, repeats, args)

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, c3, c4, *parameters = self.filled(arguments)
        grid = inputs[0][1:]
        branches = self.branch_costs(c3 // 2, c4, *parameters, grid) + self.branch_costs(c4, c4, *parameters, grid)
        return [conv_cost(1, c1, c3, grid), conv_cost(1, c3 + 2 * c4, c2, grid), *branches]


def _branch_costs(a: int, b: int, grid: tuple[int, int]) -> list[Cost]:
    return [conv_cost(3, a, b, grid)]


class ELAN1Operator(ELANOperator):
    name = "ELAN1"
    module = ELAN1
    example = (24, 16, 8)
    branch_costs = staticmethod(_branch_costs)


def _row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    return depth, "ELAN1", (channels, channels, channels // 2)


ELAN1_FAMILY = Family(
    key="elan1",
    title="ELAN1, the first stage of GELAN",
    shells=("csp",),
    parameters={},
    row=_row,
    widths=lambda width, parameters: (width,),
)
