"""Transposed convolutions: torch's own (YOLOv6 upsamples by it), with a norm (ConvTranspose), and depthwise."""

from __future__ import annotations

import math
from typing import Any

from nas.operators.base import Cost, Grid, Size, StockOperator, pair
from nas.operators.registration import register


def transposed_grid(grid: Grid, k: Size, s: Size, p: Size, extra: Size = 0, dilation: Size = 1) -> Grid:
    """Grid of the output of a transposed convolution.

    Args:
        grid: Height and width of the input.
        k: Kernel size.
        s: Stride.
        p: Cells that the output loses on each side.
        extra: Cells that it gains at the bottom and the right.
        dilation: Distance of neighboring weights in cells.

    Returns:
        Height and width of the output.

    Raises:
        ValueError: There is no such convolution.
    """
    numbers = [pair(size) for size in (k, s, dilation, p, extra)]
    if min(min(number) for number in numbers[:3]) < 1 or min(min(number) for number in numbers[3:]) < 0:
        raise ValueError("kernel, stride and dilation must be 1 or more, and the paddings 0 or more")
    if any(e >= max(one, d) for one, d, e in zip(numbers[1], numbers[2], numbers[4], strict=True)):
        raise ValueError(f"the output padding {extra} must be below the stride {s} or the dilation {dilation}")
    height, width = (
        (cells - 1) * s - 2 * p + d * (k - 1) + e + 1 for cells, k, s, d, p, e in zip(grid, *numbers, strict=True)
    )
    if min(height, width) < 1:
        raise ValueError(f"the padding {p} leaves nothing of the map")
    return height, width


def transposed_cost(k: Size, c1: int, c2: int, grid: Grid, output: Grid, groups: int, extra: int) -> Cost:
    """Cost of a transposed convolution.

    Args:
        k: Kernel size.
        c1: Input channels.
        c2: Output channels.
        grid: Height and width of the input.
        output: Height and width of the output.
        groups: Groups.
        extra: Numbers for each output channel in training: 2 of a norm, 1 of a bias, or 0.

    Returns:
        The cost for one image.

    Raises:
        ValueError: There is no such convolution.
    """
    if groups < 1 or c1 % groups or c2 % groups:
        raise ValueError(f"{groups} groups must divide the channels {c1} and {c2}")
    weights, cells = math.prod(pair(k)) * c1 * c2 // groups, math.prod(grid)
    access = cells * c1 + math.prod(output) * c2 + weights
    return Cost(weights + extra * c2, weights * cells, access, 4 * (weights + (c2 if extra else 0)))


@register()
class ConvTranspose2dOperator(StockOperator):
    """Row arguments: [c2, kernel_size, stride=1, padding=0, ...], those of torch."""

    name = "nn.ConvTranspose2d"
    example = (24, 2, 2, 0)
    follows_activation = False

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        _, _, k, s, p, extra, _, _, dilation, mode, *_ = arguments
        if mode != "zeros":
            raise ValueError(f"padding_mode must be zeros, not {mode!r}")
        return transposed_grid(grid, k, s, p, extra, dilation)

    @staticmethod
    def costs(
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: None = None,
        dtype: None = None,
        *,
        grid: Grid,
    ) -> list[Cost]:
        output = transposed_grid(grid, kernel_size, stride, padding, output_padding, dilation)
        return [transposed_cost(kernel_size, in_channels, out_channels, grid, output, groups, int(bool(bias)))]


@register()
class ConvTransposeOperator(StockOperator):
    """Row arguments: [c2, k=2, s=2, p=0, bn=True, act=True]."""

    example = (24, 4, 2, 1)
    follows_activation = False

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        _, _, k, s, p, _, _ = arguments
        return transposed_grid(grid, k, s, p)

    @staticmethod
    def costs(
        c1: int, c2: int, k: Size = 2, s: Size = 2, p: Size = 0, bn: bool = True, act: bool = True, *, grid: Grid
    ) -> list[Cost]:
        return [transposed_cost(k, c1, c2, grid, transposed_grid(grid, k, s, p), 1, 2 if bn else 1)]


@register()
class DWConvTranspose2dOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, p1=0, p2=0]; p1 is the padding, p2 that of the output."""

    example = (24, 4, 2, 1)
    follows_activation = False

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        _, _, k, s, p1, p2 = arguments
        return transposed_grid(grid, k, s, p1, p2)

    @staticmethod
    def costs(c1: int, c2: int, k: Size = 1, s: Size = 1, p1: Size = 0, p2: Size = 0, *, grid: Grid) -> list[Cost]:
        return [transposed_cost(k, c1, c2, grid, transposed_grid(grid, k, s, p1, p2), math.gcd(c1, c2), 1)]
