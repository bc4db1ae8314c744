"""Depthwise convolution, batch norm, SiLU."""

from __future__ import annotations

import math

from nas.operators.base import Size
from nas.operators.modules.conv import Conv


class DWConv(Conv):
    """Conv in gcd(c1, c2) groups: (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)) for odd k; ``d`` dilates.

    Row arguments: [c2, k=1, s=1, d=1, act=True].
    """

    def __init__(self, c1: int, c2: int, k: Size = 1, s: Size = 1, d: Size = 1, act: bool = True):
        super().__init__(c1, c2, k, s, None, math.gcd(c1, c2), act, d)
