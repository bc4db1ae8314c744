"""Nearest-neighbor upsampling: torch's own module as a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Operator, Shape
from nas.operators.registration import register


@register()
class UpsampleOperator(Operator):
    """Row arguments: [None, scale, mode]."""

    name = "nn.Upsample"
    example = (None, 2, "nearest")

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((channels, height, width),) = inputs
        size, scale, _ = args
        if size is not None:
            raise ValueError(f"nn.Upsample takes a scale, not a size: [None, 2, nearest], got {list(args)}")
        return Call(tuple(args), repeats, (channels, int(height * scale), int(width * scale)))

    @staticmethod
    def costs(
        size: int | None = None,
        scale_factor: float | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
        *,
        grid: Grid,
    ) -> list[Cost]:
        return []
