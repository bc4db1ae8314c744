"""Depthwise-separable convolution with a shortcut.

Source: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017,
section 3.1, with YOLO's SiLU and a shortcut.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv


def depthwise(channels: int, kernel: int, act: bool = True) -> Conv:
    """A `Conv` with one ``kernel`` x ``kernel`` filter a channel.

    Raises:
        ValueError: The kernel is even and would change the map's size.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a depthwise kernel must be odd, not {kernel}")
    return Conv(channels, channels, kernel, g=channels, act=act)


class DWBlock(nn.Module):
    """x + Conv1x1(depthwise x), norm and SiLU after each convolution. (B, C, H, W) to (B, C, H, W).

    Row arguments: [channels, kernel=3], the kernel odd.
    """

    def __init__(self, channels: int, kernel: int = 3):
        super().__init__()
        self.cv1 = depthwise(channels, kernel)
        self.cv2 = Conv(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))
