"""Convolution, batch norm and SiLU: the basic block of every YOLO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape, StockOperator, conv_cost, conv_grid
from nas.operators.registration import register


@register()
class ConvOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, p=None, g=1, d=1, act=True]. Only dilation 1 is supported."""

    example = (24, 3, 2)
    stride_argument = 2

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        args = list(args)
        if len(args) > 5 and (dilation := args.pop(5)) != 1:
            raise ValueError(f"a dilation of {dilation!r} is not supported, only 1")
        call = super().resolve(inputs, repeats, args)
        _, _, k, s, p, _, _ = self.filled(call.arguments)
        return call._replace(output=(call.output[0], *_output(inputs[0][1:], k, s, p)))

    @staticmethod
    def costs(
        c1: int, c2: int, k: int = 1, s: int = 1, p: int | None = None, g: int = 1, act: bool = True, *, grid: Grid
    ) -> list[Cost]:
        return [conv_cost(k, c1, c2, _output(grid, k, s, p), g, stride=s)]


def _output(grid: Grid, k: int, s: int, p: int | None) -> Grid:
    return conv_grid(grid, k, s, k // 2 if p is None else p)
