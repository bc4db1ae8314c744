"""Universal inverted bottleneck of MobileNetV4.

Source: Qin et al., "MobileNetV4: Universal Models for the Mobile Ecosystem", ECCV 2024, section on universal
inverted bottlenecks, with YOLO's SiLU where the paper has ReLU.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import BlockOperator, Cost, conv_cost
from nas.operators.conv import Conv
from nas.operators.dwsep import depthwise
from nas.operators.family import Family, Parameter, block_row
from nas.operators.shell import CSPOperator, Shell


class UIBBlock(nn.Module):
    """x + project(middle(expand(start(x)))), expanding by ``expansion``. (B, C, H, W) kept.

    Row arguments: [channels, start=0, middle=3, expansion=2], the odd kernels of the two depthwise convolutions, 0 for
    none: (0, 0) is the FFN, (0, k) the inverted bottleneck, (k, 0) ConvNext-like, (k, k) ExtraDW. Every convolution has
    a norm; SiLU follows the expansion and the middle, not the start and the projection.
    """

    def __init__(self, channels: int, start: int = 0, middle: int = 3, expansion: float = 2):
        super().__init__()
        hidden = int(channels * expansion)
        self.start: nn.Module = depthwise(channels, start, act=False) if start else nn.Identity()
        self.expand = Conv(channels, hidden, 1)
        self.middle: nn.Module = depthwise(hidden, middle) if middle else nn.Identity()
        self.project = Conv(hidden, channels, 1, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.project(self.middle(self.expand(self.start(x)))))


class CSPUIBBlock(Shell):
    """The C2f shell round ``n`` inverted bottlenecks at half width. Row arguments: [channels, n, start=0, middle=3,
    expansion=2]."""

    def __init__(self, channels: int, n: int, start: int = 0, middle: int = 3, expansion: float = 2):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: UIBBlock(half, start, middle, expansion))


def _block_costs(channels: int, start: int, middle: int, expansion: float, grid: tuple[int, int]) -> list[Cost]:
    hidden = int(channels * expansion)
    costs = [conv_cost(1, channels, hidden, grid), conv_cost(1, hidden, channels, grid)]
    return costs + [conv_cost(k, c, c, grid, c) for k, c in ((start, channels), (middle, hidden)) if k]


class UIBBlockOperator(BlockOperator):
    name = "UIBBlock"
    module = UIBBlock
    example = (16, 3, 5, 1.5)
    block_costs = staticmethod(_block_costs)


class CSPUIBBlockOperator(CSPOperator):
    name = "CSPUIBBlock"
    module = CSPUIBBlock
    example = (16, 2, 3, 0, 2)
    block_costs = staticmethod(_block_costs)


UIB_FAMILY = Family(
    key="uib",
    title="universal inverted bottleneck",
    shells=("plain", "csp"),
    parameters={
        "start": Parameter("s", 0, 15, False, "depthwise kernel before the expansion, 0 none", odd=True),
        "middle": Parameter("m", 0, 15, False, "depthwise kernel after it, 0 none", odd=True),
        "expansion": Parameter("e", 0.5, 8.0, False, "width between the two pointwise convolutions over the block's"),
    },
    row=block_row("UIBBlock", "CSPUIBBlock"),
    widths=lambda width, parameters: (width,),
)
