"""Concatenation of rows along the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Operator, Shape
from nas.operators.registration import register


@register()
class ConcatOperator(Operator):
    """Row arguments: [dimension=1]."""

    many = True
    follows_activation = False

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        if tuple(args) not in {(), (1,)} or repeats > 1:
            raise ValueError(f"Concat joins channels, once: write [1], not {list(args)}")
        grids = {shape[1:] for shape in inputs}
        if len(grids) != 1:
            raise ValueError(f"Concat needs maps of one size, got {sorted(grids)}")
        return Call(tuple(args), repeats, (sum(shape[0] for shape in inputs), *grids.pop()))

    @staticmethod
    def costs(dimension: int = 1, *, grid: Grid) -> list[Cost]:
        return []
