"""Concatenation of several rows along the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from nas.operators.base import Call, Cost, Operator, Shape


class Concat(nn.Module):
    """Maps of equal size (B, c_i, H, W) -> (B, sum c_i, H, W). Row arguments: [dimension=1]."""

    def __init__(self, dimension: int = 1):
        super().__init__()
        self.d = dimension

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.cat(list(maps), self.d)


class ConcatOperator(Operator):
    name = "Concat"
    module = Concat

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        grids = {shape[1:] for shape in inputs}
        if len(grids) != 1:
            raise ValueError(f"Concat needs maps of one size, got {sorted(grids)}")
        return Call(tuple(args), repeats, (sum(shape[0] for shape in inputs), *grids.pop()))

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        return []
