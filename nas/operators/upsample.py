"""Upsampling: torch's own module as a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Operator, Shape
from nas.operators.registration import register

MODES = ("nearest", "bilinear", "bicubic")


@register()
class UpsampleOperator(Operator):
    """Row arguments: [None, scale, mode="nearest", align_corners=None]."""

    name = "nn.Upsample"
    example = (None, 2, "nearest")
    follows_activation = False

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((channels, height, width),) = inputs
        size, scale, mode, corners, recompute = self.filled(tuple(args))
        if size is not None or not scale or scale <= 0 or recompute:
            raise ValueError(
                "takes a scale above 0 and no size: [None, 2], [None, 2, nearest], [None, 2, bilinear, True]"
            )
        if mode not in MODES:
            raise ValueError(f"mode must be {', '.join(MODES)}, not {mode!r}")
        if mode == "nearest" and corners is not None:
            raise ValueError("align_corners is for the modes bilinear and bicubic")
        if repeats > 1 and scale != 1:
            raise ValueError("a row that enlarges its map is not repeated")
        output = (channels, int(height * scale), int(width * scale))
        if 0 in output:
            raise ValueError(f"a map of {height} x {width} is too small for the scale {scale}")
        return Call(tuple(args), repeats, output)

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
