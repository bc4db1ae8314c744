"""Nearest-neighbour upsampling, torch's own module as a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from nas.operators.base import Call, Cost, Operator, Shape


class UpsampleOperator(Operator):
    """Row arguments: [None, scale, mode]."""

    name = "nn.Upsample"
    module = nn.Upsample
    example = (None, 2, "nearest")

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((channels, height, width),) = inputs
        size, scale, _ = args
        if size is not None:
            raise ValueError(f"nn.Upsample takes a scale, not a size: [None, 2, nearest], got {list(args)}")
        return Call(tuple(args), repeats, (channels, int(height * scale), int(width * scale)))

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        return []
