"""Bottleneck with a grouped 3x3 convolution.

Source: Xie et al., "Aggregated Residual Transformations for Deep Neural Networks" (ResNeXt), CVPR 2017, section 3.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.checks import check_channels
from nas.operators.modules.conv import Conv


class GroupedBlock(nn.Module):
    """x + Conv3x3_groups(Conv1x1 x), the 1x1 (which mixes the groups) to ``channels * expansion``.

    (B, C, H, W) to (B, C, H, W).

    Row arguments: [channels, groups=4, expansion=1].
    """

    def __init__(self, channels: int, groups: int = 4, expansion: float = 1):
        super().__init__()
        hidden = int(channels * expansion)
        if groups < 1 or hidden % groups or channels % groups:
            raise ValueError(f"GroupedBlock: {groups} groups must divide the widths {hidden} and {channels}")
        self.channels = channels
        self.cv1 = Conv(channels, hidden, 1)
        self.cv2 = Conv(hidden, channels, 3, g=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.channels, self)
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))
