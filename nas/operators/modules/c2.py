"""C2, the stage of YOLOv8-P6's lowest map: C2f without the maps in between."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.conv import Conv


class C2(nn.Module):
    """1x1 to two halves, n bottlenecks on the first, 1x1 over both: (B, c1, H, W) -> (B, c2, H, W).

    Row arguments: [c2, shortcut=True, g=1, e=0.5].
    """

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, 2 * hidden, 1)
        self.cv2 = Conv(2 * hidden, c2, 1)
        self.m = nn.Sequential(*(Bottleneck(hidden, hidden, shortcut, g, e=1) for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.cv1(x).chunk(2, 1)
        return cast(torch.Tensor, self.cv2(torch.cat((self.m(a), b), 1)))
