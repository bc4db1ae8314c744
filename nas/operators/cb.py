"""CBLinear and CBFuse, the links of YOLOv9-E's two backbones: pieces of one's maps are added to the other's.

Source: Liang et al., "CBNet: A Composite Backbone Network Architecture for Object Detection", 2021.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from nas.operators.base import Call, Cost, Grid, Operator, Shape, Size, conv_cost, conv_grid
from nas.operators.registration import register


@register()
class CBLinearOperator(Operator):
    """Row arguments: [c2s, k=1, s=1, p=None, g=1]: the channels of each piece. Only `CBFuse` reads it."""

    example = ((8, 16),)
    follows_activation = False

    @cached_property
    def row_signature(self) -> inspect.Signature:
        return self.signature.replace(parameters=list(self.signature.parameters.values())[1:])

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((c1, height, width),) = inputs
        if repeats > 1 or min(args[0]) < 1:
            raise ValueError("gives pieces of 1 or more channels, once")
        arguments = (c1, *args)
        _, c2s, k, s, p, _ = self.filled(arguments)
        return Call(arguments, 1, (sum(c2s), *conv_grid((height, width), k, s, p)))

    @staticmethod
    def costs(
        c1: int, c2s: Sequence[int], k: Size = 1, s: Size = 1, p: Size | None = None, g: int = 1, *, grid: Grid
    ) -> list[Cost]:
        return [conv_cost(k, c1, sum(c2s), conv_grid(grid, k, s, p), g, stride=s, after="bias")]


@register()
class CBFuseOperator(Operator):
    """Row arguments: [idx, pieces]: the number of the piece of each row before the last, and the pieces' channels.

    A YAML lists the numbers only; `nas.detectors.dialects` reads the channels from the rows.
    """

    many = True
    follows_activation = False

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        idx, pieces = args
        *sources, target = inputs
        if repeats > 1 or len(idx) < len(sources) or len(pieces) != len(sources):
            raise ValueError(f"takes one number for each of {len(sources)} rows of CBLinear, once, not {list(idx)}")
        for number, widths, (channels, _, _) in zip(idx, pieces, sources, strict=False):
            if sum(widths) != channels:
                raise ValueError(f"pieces of {list(widths)} channels are no split of a map of {channels}")
            if not 0 <= number < len(widths) or widths[number] != target[0]:
                raise ValueError(f"piece {number} of {list(widths)} channels must have the last row's {target[0]}")
        return Call((idx, pieces), 1, target)

    @staticmethod
    def costs(idx: Sequence[int], pieces: Sequence[Sequence[int]], *, grid: Grid) -> list[Cost]:
        return []
