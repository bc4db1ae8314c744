"""SCDown, the downsampling of YOLOv10: channels first, positions after.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (spatial-channel
decoupled downsampling).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators.base import Cost, Shape, StockOperator, conv_cost
from nas.operators.conv import Conv


class SCDown(nn.Module):
    """1x1 to c2, then depthwise k x k of stride s without activation: (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)).

    Row arguments: [c2, k, s].
    """

    def __init__(self, c1: int, c2: int, k: int, s: int):
        super().__init__()
        self.cv1 = Conv(c1, c2, 1)
        self.cv2 = Conv(c2, c2, k, s, g=c2, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.cv2(self.cv1(x)))


class SCDownOperator(StockOperator):
    name = "SCDown"
    module = SCDown
    example = (24, 3, 2)
    stride_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, k, s = arguments
        _, height, width = inputs[0]
        small = (-(-height // s), -(-width // s))
        return [conv_cost(1, c1, c2, (height, width)), conv_cost(k, c2, c2, small, c2, stride=s)]
