"""RepC3, the neck stage of RT-DETR.

Source: Zhao et al., "DETRs Beat YOLOs on Real-time Object Detection", CVPR 2024, section 4.2 (fusion block).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv
from nas.operators.modules.rep import RepConvN


class RepC3(nn.Module):
    """n `RepConvN` on one 1x1 branch, added to the other: (B, c1, H, W) -> (B, c2, H, W).

    Row arguments: [c2, e=1.0].
    """

    def __init__(self, c1: int, c2: int, n: int = 3, e: float = 1.0):
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden, 1)
        self.cv2 = Conv(c1, hidden, 1)
        self.m = nn.Sequential(*(RepConvN(hidden, hidden) for _ in range(n)))
        self.cv3 = nn.Identity() if hidden == c2 else Conv(hidden, c2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.cv3(self.m(self.cv1(x)) + self.cv2(x)))
