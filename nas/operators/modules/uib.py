"""Universal inverted bottleneck of MobileNetV4.

Source: Qin et al., "MobileNetV4: Universal Models for the Mobile Ecosystem", ECCV 2024, section on universal
inverted bottlenecks, with YOLO's SiLU where the paper has ReLU.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv
from nas.operators.modules.dwsep import depthwise


class UIBBlock(nn.Module):
    """x + project(middle(expand(start(x)))), expanding by ``expansion``. (B, C, H, W) to (B, C, H, W).

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
