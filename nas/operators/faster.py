"""Partial convolution and the FasterNet block.

Source: Chen et al., "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks", CVPR 2023, sections 3.2, 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators._base import KeepingOperator, Shape, Term, check_channels, conv_term
from nas.operators._family import Family, Number, Parameter, Row
from nas.operators._shell import CSPOperator, Shell
from nas.operators.conv import Conv


class PConv(nn.Module):
    """3x3 convolution on the first ``channels // n_div`` channels; the others pass untouched. (B, C, H, W) kept."""

    def __init__(self, channels: int, n_div: int = 4):
        super().__init__()
        if not 1 <= n_div <= channels:
            raise ValueError(f"PConv: n_div must lie in 1..{channels}, not {n_div}")
        self.channels = channels
        self.partial = channels // n_div
        self.conv = nn.Conv2d(self.partial, self.partial, 3, 1, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.channels, self)
        first, rest = torch.split(x, [self.partial, self.channels - self.partial], 1)
        return torch.cat((self.conv(first), rest), 1)


class FasterBlock(nn.Module):
    """x + PW2(SiLU(BN(PW1(PConv x)))), PW1 widening by ``expansion``. (B, C, H, W) kept.

    Row arguments: [channels, n_div=4, expansion=2]. The paper's block with YOLO's activation; no norm follows PW2.
    """

    def __init__(self, channels: int, n_div: int = 4, expansion: float = 2):
        super().__init__()
        hidden = int(channels * expansion)
        self.pconv = PConv(channels, n_div)
        self.pw1 = Conv(channels, hidden, 1)
        self.pw2 = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.pw2(self.pw1(self.pconv(x))))


class CSPFaster(Shell):
    """The C2f shell round ``n`` FasterNet blocks at half width. Row arguments: [channels, n, n_div=4, expansion=2]."""

    def __init__(self, channels: int, n: int, n_div: int = 4, expansion: float = 2):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: FasterBlock(half, n_div, expansion))


def _block_terms(channels: int, n_div: int, expansion: float, grid: tuple[int, int]) -> list[Term]:
    partial, hidden = channels // n_div, int(channels * expansion)
    return [
        Term(9 * partial * partial, 0, grid),
        conv_term(1, channels, hidden, grid),
        Term(hidden * channels, 0, grid),
    ]


class FasterBlockOperator(KeepingOperator):
    name = "FasterBlock"
    module = FasterBlock

    def terms(self, inputs: Sequence[Shape], *arguments: Any) -> list[Term]:
        channels, divisor, expansion = self.filled(arguments)
        return _block_terms(channels, divisor, expansion, inputs[0][1:])


class CSPFasterOperator(CSPOperator):
    name = "CSPFaster"
    module = CSPFaster
    block_terms = staticmethod(_block_terms)


def _row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    n_div, expansion = parameters["n_div"], parameters["expansion"]
    if shell == "csp":
        return 1, "CSPFaster", (channels, depth, n_div, expansion)
    return depth, "FasterBlock", (channels, n_div, expansion)


FASTER_FAMILY = Family(
    key="faster",
    title="FasterNet block (PConv)",
    shells=("plain", "csp"),
    parameters={
        "n_div": Parameter("r", 1, 16, True, "one channel in n_div is convolved: PConv ratio 1/n_div"),
        "expansion": Parameter("e", 0.5, 4.0, False, "width between the two pointwise convolutions over the block's"),
    },
    row=_row,
    widths=lambda width, parameters: (width,),
)
