"""AConv, the downsampling of GELAN-t and -s: the mean of 2 x 2 positions, then a strided convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.base import Call, Cost, Shape, StockOperator, conv_cost
from nas.operators.conv import Conv


class AConv(nn.Module):
    """Average pool 2 x 2 of stride 1, then 3x3 of stride 2: (B, c1, H, W) -> (B, c2, H // 2, W // 2).

    Row arguments: [c2].
    """

    def __init__(self, c1: int, c2: int):
        super().__init__()
        self.cv1 = Conv(c1, c2, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.cv1(F.avg_pool2d(x, 2, 1)))


class HalvingOperator(StockOperator):
    """A kind that halves its map, rounded down. Row arguments: [c2]."""

    example = (24,)

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        if repeats > 1:
            raise ValueError("a row that halves its map cannot be repeated")
        call = super().resolve(inputs, repeats, args)
        _, height, width = inputs[0]
        if min(height, width) < 2:
            raise ValueError(f"a map of {height} x {width} cannot be halved")
        return call._replace(output=(call.output[0], height // 2, width // 2))


class AConvOperator(HalvingOperator):
    name = "AConv"
    module = AConv

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2 = arguments
        _, height, width = inputs[0]
        return [conv_cost(3, c1, c2, (height // 2, width // 2), stride=2)]
