"""Depthwise convolution, batch norm, SiLU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Shape, StockOperator, conv_cost, conv_grid
from nas.operators.conv import Conv


class DWConv(Conv):
    """Conv in gcd(c1, c2) groups: (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)) for odd k; ``d`` dilates.

    Row arguments: [c2, k=1, s=1, d=1, act=True].
    """

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, d: int = 1, act: bool = True):
        super().__init__(c1, c2, k, s, (d * (k - 1) + 1) // 2, math.gcd(c1, c2), act)
        self.conv.dilation = (d, d)


class DWConvOperator(StockOperator):
    name = "DWConv"
    module = DWConv
    example = (24, 3, 2)
    stride_argument = 2

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        call = super().resolve(inputs, repeats, args)
        _, _, k, s, d, _ = self.filled(call.arguments)
        reach = d * (k - 1) + 1
        return call._replace(output=(call.output[0], *conv_grid(inputs[0], reach, s, reach // 2)))

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, k, s, d, _ = self.filled(arguments)
        reach = d * (k - 1) + 1
        return [conv_cost(k, c1, c2, conv_grid(inputs[0], reach, s, reach // 2), math.gcd(c1, c2), stride=s)]
