"""The CSP shell of C2f round any block that keeps its channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators.base import Cost, KeepingOperator, Shape, conv_cost
from nas.operators.conv import Conv


class Shell(nn.Module):
    """1x1 to two halves, a chain of blocks on the second, 1x1 over everything seen: (B, c1, H, W) -> (B, c2, H, W).

    The wiring and the keys (cv1, cv2, m) are those of C2f (facts: blocks.md, section 2).
    """

    def __init__(self, c1: int, c2: int, hidden: int, n: int, block: Callable[[], nn.Module]):
        super().__init__()
        self.cv1 = Conv(c1, 2 * hidden, 1)
        self.cv2 = Conv((2 + n) * hidden, c2, 1)
        self.m = nn.ModuleList(block() for _ in range(n))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            maps.append(block(maps[-1]))
        return cast(torch.Tensor, self.cv2(torch.cat(maps, 1)))


def shell_costs(c1: int, c2: int, hidden: int, n: int, grid: tuple[int, int], block: list[Cost]) -> list[Cost]:
    """The shell's own two convolutions and n times the block's."""
    return [conv_cost(1, c1, 2 * hidden, grid), conv_cost(1, (2 + n) * hidden, c2, grid), *block * n]


class CSPOperator(KeepingOperator):
    """A block of ours in the shell: row arguments [channels, n, *the block's], the block at half the channels."""

    depth_argument = 1
    block_costs: Callable[..., list[Cost]]
    """Cost of one block: of its channels, its parameters and the map (height, width)."""

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        channels, n, *parameters = self.filled(arguments)
        grid, half = inputs[0][1:], channels // 2
        return shell_costs(channels, channels, half, n, grid, self.block_costs(half, *parameters, grid))
