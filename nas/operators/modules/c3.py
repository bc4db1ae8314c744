"""C3, the stage of YOLOv5, and its CSP shell round any block."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.conv import Conv


class C3Shell(nn.Module):
    """Two 1x1 branches, a chain of blocks on the first, 1x1 over both: (B, c1, H, W) -> (B, c2, H, W).

    ``block()`` builds a block that keeps ``hidden`` channels. Wiring and state-dict keys (cv1, cv2, cv3, m) are those
    of C3.
    """

    def __init__(self, c1: int, c2: int, hidden: int, n: int, block: Callable[[], nn.Module]):
        super().__init__()
        self.cv1 = Conv(c1, hidden, 1)
        self.cv2 = Conv(c1, hidden, 1)
        self.cv3 = Conv(2 * hidden, c2, 1)
        self.m = nn.Sequential(*(block() for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1)))


class C3(C3Shell):
    """The shell round n bottlenecks of 1x1 and 3x3, of width int(c2 * e).

    Row arguments: [c2, shortcut=True, g=1, e=0.5].
    """

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: Bottleneck(hidden, hidden, shortcut, g, (1, 3), 1))
