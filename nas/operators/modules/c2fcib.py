"""C2fCIB, the late stage of YOLOv10: the C2f shell round inverted blocks of depthwise and 1x1 convolutions.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (compact inverted
block, large-kernel convolution).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv
from nas.operators.modules.rep import merged
from nas.operators.modules.shell import Shell


class RepVGGDW(nn.Module):
    """SiLU(BN(7x7 x) + BN(3x3 x)), both depthwise. `fuse` merges them into one 7x7. (B, c, H, W) to the same shape."""

    def __init__(self, c: int):
        super().__init__()
        self.conv: nn.Module = Conv(c, c, 7, g=c, act=False)
        self.conv1: nn.Module | None = Conv(c, c, 3, g=c, act=False)
        self.act = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return cast(torch.Tensor, self.act(y if self.conv1 is None else y + self.conv1(x)))

    def fuse(self) -> None:
        """Fold the norms and add the kernels, the smaller one padded with zeros, for inference."""
        if self.conv1 is not None:
            self.conv = merged(cast(Conv, self.conv), cast(Conv, self.conv1))
            self.conv1 = None


class CIB(nn.Module):
    """Compact inverted block: depthwise, 1x1, depthwise, 1x1, depthwise, with a shortcut if c1 equals c2.

    The middle one has 2 * int(c2 * e) channels, and with ``lk`` a 7x7 kernel. (B, c1, H, W) -> (B, c2, H, W).
    """

    def __init__(self, c1: int, c2: int, shortcut: bool = True, e: float = 0.5, lk: bool = False):
        super().__init__()
        wide = 2 * int(c2 * e)
        self.cv1 = nn.Sequential(
            Conv(c1, c1, 3, g=c1),
            Conv(c1, wide, 1),
            RepVGGDW(wide) if lk else Conv(wide, wide, 3, g=wide),
            Conv(wide, c2, 1),
            Conv(c2, c2, 3, g=c2),
        )
        self.add = shortcut and c1 == c2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv1(x) if self.add else self.cv1(x))


class C2fCIB(Shell):
    """The C2f shell round n `CIB` of width int(c2 * e).

    Row arguments: [c2, shortcut=False, lk=False, g=1, e=0.5]; g has no effect.
    """

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = False, lk: bool = False, g: int = 1, e: float = 0.5
    ):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: CIB(hidden, hidden, shortcut, 1, lk))
