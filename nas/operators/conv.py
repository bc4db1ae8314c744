"""Convolution, batch norm and SiLU: the basic block of every YOLO."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape, Size, StockOperator, conv_cost, conv_grid
from nas.operators.registration import register


@register()
class ConvOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, p=None, g=1, d=1, act=True]."""

    example = (24, 3, 2)
    added = 1

    @cached_property
    def row_signature(self) -> inspect.Signature:
        *declared, act, d = super().row_signature.parameters.values()
        return self.signature.replace(parameters=[*declared, d, act])

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        c2, *rest = args
        if len(rest) > 4:  # the constructor takes the dilation last
            k, s, p, g, d, *act = rest
            rest = [k, s, p, g, *act] if d == 1 else [k, s, p, g, *(act or [True]), d]
        return super().resolve(inputs, repeats, (c2, *rest))

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        _, _, k, s, p, _, _, d = arguments
        return conv_grid(grid, k, s, p, d)

    @staticmethod
    def costs(
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        p: Size | None = None,
        g: int = 1,
        act: bool = True,
        d: Size = 1,
        *,
        grid: Grid,
    ) -> list[Cost]:
        return [conv_cost(k, c1, c2, conv_grid(grid, k, s, p, d), g, stride=s)]
