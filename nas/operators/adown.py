"""ADown, the downsampling of YOLOv9: a strided convolution on one half of the channels, a pool on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.aconv import HalvingOperator
from nas.operators.base import Call, Cost, Shape, conv_cost
from nas.operators.conv import Conv


class ADown(nn.Module):
    """Average pool 2 x 2 of stride 1; then 3x3 of stride 2 on the first half of the channels, and max-pool 3 x 3 of
    stride 2 and 1x1 on the second. (B, c1, H, W) -> (B, c2, H // 2, W // 2), c1 and c2 even. Row arguments: [c2].
    """

    def __init__(self, c1: int, c2: int):
        super().__init__()
        _check_even(c1, c2)
        self.cv1 = Conv(c1 // 2, c2 // 2, 3, 2)
        self.cv2 = Conv(c1 // 2, c2 // 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = F.avg_pool2d(x, 2, 1).chunk(2, 1)
        return torch.cat((self.cv1(first), self.cv2(F.max_pool2d(second, 3, 2, 1))), 1)


def _check_even(c1: int, c2: int) -> None:
    if c1 % 2 or c2 % 2:
        raise ValueError(f"ADown halves its channels: {c1} and {c2} must be even")


class ADownOperator(HalvingOperator):
    name = "ADown"
    module = ADown

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        _check_even(inputs[0][0], args[0])
        return super().resolve(inputs, repeats, args)

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2 = arguments
        _, height, width = inputs[0]
        grid = (height // 2, width // 2)
        return [conv_cost(3, c1 // 2, c2 // 2, grid, stride=2), conv_cost(1, c1 // 2, c2 // 2, grid)]
