"""Depthwise-separable convolution with a shortcut.

Source: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017,
section 3.1, with YOLO's SiLU and a shortcut.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import BlockOperator, Cost, conv_cost
from nas.operators.conv import Conv
from nas.operators.family import Family, Parameter, block_row
from nas.operators.shell import CSPOperator, Shell


def depthwise(channels: int, kernel: int, act: bool = True) -> Conv:
    """A `Conv` with one ``kernel`` x ``kernel`` filter a channel; ValueError for an even kernel, which would change the
    map's size."""
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a depthwise kernel must be odd, not {kernel}")
    return Conv(channels, channels, kernel, g=channels, act=act)


class DWBlock(nn.Module):
    """x + Conv1x1(depthwise x), norm and SiLU after each convolution. (B, C, H, W) kept.

    Row arguments: [channels, kernel=3], the kernel odd.
    """

    def __init__(self, channels: int, kernel: int = 3):
        super().__init__()
        self.cv1 = depthwise(channels, kernel)
        self.cv2 = Conv(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))


class CSPDWBlock(Shell):
    """The C2f shell round ``n`` depthwise-separable blocks at half width. Row arguments: [channels, n, kernel=3]."""

    def __init__(self, channels: int, n: int, kernel: int = 3):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: DWBlock(half, kernel))


def _block_costs(channels: int, kernel: int, grid: tuple[int, int]) -> list[Cost]:
    return [conv_cost(kernel, channels, channels, grid, channels), conv_cost(1, channels, channels, grid)]


class DWBlockOperator(BlockOperator):
    name = "DWBlock"
    module = DWBlock
    example = (16, 5)
    block_costs = staticmethod(_block_costs)


class CSPDWBlockOperator(CSPOperator):
    name = "CSPDWBlock"
    module = CSPDWBlock
    example = (16, 2, 3)
    block_costs = staticmethod(_block_costs)


DWSEP_FAMILY = Family(
    key="dwsep",
    title="depthwise-separable block",
    shells=("plain", "csp"),
    parameters={"kernel": Parameter("k", 3, 15, False, "kernel of the depthwise convolution", odd=True)},
    row=block_row("DWBlock", "CSPDWBlock"),
    widths=lambda width, parameters: (width,),
)
