"""SPPF, the pooling pyramid at the end of the backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators._base import Cost, Shape, StockOperator, conv_cost
from nas.operators.conv import Conv


class SPPF(nn.Module):
    """Three k x k max-pools in a chain, concatenated with their input. Row arguments: [c2, k=5]."""

    def __init__(self, c1: int, c2: int, k: int = 5):
        super().__init__()
        hidden = c1 // 2
        self.cv1 = Conv(c1, hidden, 1)
        self.cv2 = Conv(4 * hidden, c2, 1)
        self.m = nn.MaxPool2d(k, 1, k // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [self.cv1(x)]
        for _ in range(3):
            maps.append(self.m(maps[-1]))
        return cast(torch.Tensor, self.cv2(torch.cat(maps, 1)))


class SPPFOperator(StockOperator):
    name = "SPPF"
    module = SPPF
    example = (24, 5)

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2 = arguments[:2]
        grid, hidden = inputs[0][1:], c1 // 2
        return [conv_cost(1, c1, hidden, grid), conv_cost(1, 4 * hidden, c2, grid)]
