"""Ghost convolution and bottleneck, as in the stock YOLOs.

Source: Han et al., "GhostNet: More Features from Cheap Operations", CVPR 2020, sections 3.1, 3.2; facts: blocks.md,
section 2, for the stock form (5x5 cheap operation with norm and SiLU) and its keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators.base import BlockOperator, Cost, Shape, StockOperator, conv_cost
from nas.operators.c3 import C3Shell, c3_shell_costs
from nas.operators.conv import Conv
from nas.operators.family import Family, block_row
from nas.operators.shell import CSPOperator, Shell


class GhostConv(nn.Module):
    """Half of the maps by a convolution, half by a depthwise 5x5 of these. (B, c1, H, W) -> (B, c2, ceil(H/s),
    ceil(W/s)).

    Row arguments: [c2, k=1, s=1, g=1, act=True]. ValueError where c2 is odd.
    """

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, g: int = 1, act: bool = True):
        super().__init__()
        if c2 % 2:
            raise ValueError(f"{type(self).__name__}: the output channels must be even, not {c2}")
        half = c2 // 2
        self.cv1 = Conv(c1, half, k, s, g=g, act=act)
        self.cv2 = Conv(half, half, 5, g=half, act=act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv1(x)
        return torch.cat((y, self.cv2(y)), 1)


class GhostBlock(nn.Module):
    """x + GhostConv(GhostConv x), the first to half the channels: the stock GhostBottleneck of stride 1. (B, C, H, W)
    kept.

    Row arguments: [channels]. No activation follows the second. ValueError unless 4 divides the channels.
    """

    def __init__(self, channels: int):
        super().__init__()
        if channels % 4:
            raise ValueError(f"GhostBlock: 4 must divide the channels, not {channels}")
        half = channels // 2
        # Between the two the bottleneck of stride 2 has a depthwise convolution; the stock keys count it.
        self.conv = nn.Sequential(GhostConv(channels, half), nn.Identity(), GhostConv(half, channels, act=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.conv(x))


class CSPGhostBlock(Shell):
    """The C2f shell round ``n`` Ghost bottlenecks at half width. Row arguments: [channels, n]."""

    def __init__(self, channels: int, n: int):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: GhostBlock(half))


class C3Ghost(C3Shell):
    """The C3 shell round n Ghost bottlenecks of width int(c2 * e), a multiple of 4.

    Row arguments: [c2, shortcut=True, g=1, e=0.5]; as in the stock module ``shortcut`` and ``g`` change nothing.
    """

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: GhostBlock(hidden))


def ghost_costs(k: int, c1: int, c2: int, grid: tuple[int, int], g: int = 1, s: int = 1) -> list[Cost]:
    """The two convolutions of a `GhostConv`, ``grid`` its output map."""
    half = c2 // 2
    return [conv_cost(k, c1, half, grid, g, stride=s), conv_cost(5, half, half, grid, half)]


def _block_costs(channels: int, grid: tuple[int, int]) -> list[Cost]:
    half = channels // 2
    return ghost_costs(1, channels, half, grid) + ghost_costs(1, half, channels, grid)


class GhostConvOperator(StockOperator):
    name = "GhostConv"
    module = GhostConv
    example = (24, 3, 2)
    stride_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, k, s, g, _ = self.filled(arguments)
        _, height, width = inputs[0]
        return ghost_costs(k, c1, c2, (-(-height // s), -(-width // s)), g, s)


class GhostBlockOperator(BlockOperator):
    name = "GhostBlock"
    module = GhostBlock
    example = (16,)
    block_costs = staticmethod(_block_costs)


class CSPGhostBlockOperator(CSPOperator):
    name = "CSPGhostBlock"
    module = CSPGhostBlock
    example = (16, 2)
    block_costs = staticmethod(_block_costs)


class C3GhostOperator(StockOperator):
    name = "C3Ghost"
    module = C3Ghost
    example = (24,)
    depth_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, n, _, _, e = self.filled(arguments)
        grid, hidden = inputs[0][1:], int(c2 * e)
        return c3_shell_costs(c1, c2, hidden, n, grid, _block_costs(hidden, grid))


GHOST_FAMILY = Family(
    key="ghost",
    title="Ghost bottleneck",
    shells=("plain", "csp"),
    parameters={},
    row=block_row("GhostBlock", "CSPGhostBlock"),
    widths=lambda width, parameters: (width,),
)
