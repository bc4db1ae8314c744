"""SCDown, the downsampling of YOLOv10: channels first, positions after.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (spatial-channel
decoupled downsampling).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.base import Size
from nas.operators.modules.conv import Conv


class SCDown(nn.Module):
    """1x1 to c2, then depthwise k x k of stride s without activation: (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)).

    Row arguments: [c2, k, s].
    """

    def __init__(self, c1: int, c2: int, k: Size, s: Size):
        super().__init__()
        self.cv1 = Conv(c1, c2, 1)
        self.cv2 = Conv(c2, c2, k, s, g=c2, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.cv2(self.cv1(x)))
