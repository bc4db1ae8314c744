"""ELAN1, the first stage of GELAN-t and -s, and its shell round any branch.

Source: Wang, Yeh and Liao, "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information", 2024,
section 4.2 (generalized ELAN).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from nas.operators.elan1 import check_even
from nas.operators.modules.conv import Conv


class ELANShell(nn.Module):
    """1x1 to two halves of c3, two branches of c4 in a chain on the second, 1x1 over all four maps.

    (B, c1, H, W) -> (B, c2, H, W). ``branch(a, b)`` builds a module from a to b channels. Keys cv1 to cv4.
    """

    def __init__(self, c1: int, c2: int, c3: int, c4: int, branch: Callable[[int, int], nn.Module]):
        super().__init__()
        check_even(c3)
        self.cv1 = Conv(c1, c3, 1)
        self.cv2 = branch(c3 // 2, c4)
        self.cv3 = branch(c4, c4)
        self.cv4 = Conv(c3 + 2 * c4, c2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = list(self.cv1(x).chunk(2, 1))
        for branch in (self.cv2, self.cv3):
            maps.append(branch(maps[-1]))
        return cast(torch.Tensor, self.cv4(torch.cat(maps, 1)))


class ELAN1(ELANShell):
    """The shell round single 3x3 convolutions. Row arguments: [c2, c3, c4]."""

    def __init__(self, c1: int, c2: int, c3: int, c4: int):
        super().__init__(c1, c2, c3, c4, lambda a, b: Conv(a, b, 3))
