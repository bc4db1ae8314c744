"""ADown, the downsampling of YOLOv9: a strided convolution on one half of the channels, a pool on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.aconv import HalvingOperator
from nas.operators.base import Call, Cost, Grid, Shape, conv_cost
from nas.operators.registration import register


def check_even_channels(c1: int, c2: int) -> None:
    """Raise ValueError unless ADown can halve these channels."""
    if c1 % 2 or c2 % 2:
        raise ValueError(f"ADown halves its channels: {c1} and {c2} must be even")


@register()
class ADownOperator(HalvingOperator):
    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        check_even_channels(inputs[0][0], args[0])
        return super().resolve(inputs, repeats, args)

    @staticmethod
    def costs(c1: int, c2: int, *, grid: Grid) -> list[Cost]:
        half = (grid[0] // 2, grid[1] // 2)
        return [conv_cost(3, c1 // 2, c2 // 2, half, stride=2), conv_cost(1, c1 // 2, c2 // 2, half)]
