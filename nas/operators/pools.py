"""Torch's pools and zero padding as rows: ``[-1, 1, nn.MaxPool2d, [2, 2, 0]]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.arguments import Numbers
from nas.operators.base import Call, Cost, Grid, Operator, Shape, Size, conv_grid, pair
from nas.operators.registration import register


class PoolOperator(Operator):
    """A pool. Its row's arguments are those of torch's constructor."""

    follows_activation = False

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((channels, height, width),) = inputs
        given = dict(zip(self.signature.parameters, self.filled(tuple(args)), strict=True))
        if given.get("ceil_mode") or given.get("return_indices") or given.get("divisor_override"):
            raise ValueError(f"{self.name}: ceil_mode, return_indices and divisor_override are not built here")
        kernel, stride, padding = given["kernel_size"], given["stride"], given["padding"]
        if any(2 * p > k for p, k in zip(pair(padding), pair(kernel), strict=True)):
            raise ValueError(f"the padding {padding} must be at most half the kernel {kernel}")
        grid = conv_grid(
            (height, width), kernel, kernel if stride is None else stride, padding, given.get("dilation", 1)
        )
        output = (channels, *grid)
        if repeats > 1 and output != inputs[0]:
            raise ValueError("repeats need an output of the input's shape")
        return Call(tuple(args), repeats, output)


@register()
class MaxPool2dOperator(PoolOperator):
    name = "nn.MaxPool2d"
    example = (2, 2, 0)

    @staticmethod
    def costs(
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
        *,
        grid: Grid,
    ) -> list[Cost]:
        return []


@register()
class AvgPool2dOperator(PoolOperator):
    name = "nn.AvgPool2d"
    example = (2, 2, 0)

    @staticmethod
    def costs(
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        grid: Grid,
    ) -> list[Cost]:
        return []


@register()
class ZeroPad2dOperator(Operator):
    """Row arguments: [padding], cells on each side, or a list for left, right, top and bottom."""

    name = "nn.ZeroPad2d"
    example = ((0, 1, 0, 1),)
    follows_activation = False

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((channels, height, width),) = inputs
        padding = (args[0],) * 4 if isinstance(args[0], int) else args[0]
        if len(padding) != 4 or min(padding) < 0:
            raise ValueError(f"takes one padding of 0 or more, or four of them, not {list(padding)}")
        left, right, top, bottom = (repeats * cells for cells in padding)
        return Call(tuple(args), repeats, (channels, height + top + bottom, width + left + right))

    @staticmethod
    def costs(padding: Numbers, *, grid: Grid) -> list[Cost]:
        return []
