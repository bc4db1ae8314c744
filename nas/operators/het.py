"""Heterogeneous convolution: 3x3 kernels on one input channel in P, 1x1 kernels on the others.

Source: Singh et al., "HetConv: Heterogeneous Kernel-Based Convolutions for Deep CNNs", CVPR 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators._base import KeepingOperator, Shape, Term, check_channels
from nas.operators._family import Family, Number, Parameter, Row
from nas.operators._shell import CSPOperator, Shell


class HetConv(nn.Module):
    """SiLU(BN(HetConv x)), (B, c1, H, W) -> (B, c2, H, W); P must divide c1 and c2.

    Filters come in P blocks; block b has its 3x3 kernels on the b-th block of input channels. The paper spreads the
    same pattern over every P-th channel, which is this one with the channels renamed. A grouped 3x3 convolution holds
    the 3x3 kernels and ``point`` (c2, c1 - c1/P, 1, 1) the 1x1 kernels, so that exactly the weights of the paper's
    operator are parameters. Out of training the batch norm is folded into the weights within `forward`: both
    convolutions then start from constants, whatever exporter traces them.
    """

    index: torch.Tensor

    def __init__(self, c1: int, c2: int, p: int):
        super().__init__()
        if p < 1 or c1 % p or c2 % p:
            raise ValueError(f"HetConv: P = {p} must divide the input channels {c1} and the output channels {c2}")
        self.c1 = c1
        self.conv = nn.Conv2d(c1, c2, 3, 1, 1, groups=p, bias=False)
        self.point = nn.Parameter(torch.empty(c2, c1 - c1 // p, 1, 1))
        self.bn = nn.BatchNorm2d(c2)
        self.act = nn.SiLU()
        self.folded = False
        # The two kernels of a filter see 9 c1/P + c1 - c1/P taps; both are drawn for that fan-in, as one kernel would.
        bound = (9 * c1 // p + c1 - c1 // p) ** -0.5
        nn.init.uniform_(self.conv.weight, -bound, bound)
        nn.init.uniform_(self.point, -bound, bound)
        self.register_buffer("index", self._index(c1, c2, p), persistent=False)

    @staticmethod
    def _index(c1: int, c2: int, p: int) -> torch.Tensor:
        """(c2, c1, 1, 1): where in [point, 0] each entry of the dense 1x1 kernel comes from."""
        own, size = torch.arange(c2)[:, None] // (c2 // p), c1 // p
        column = torch.arange(c1)[None, :]
        block = column // size
        index = torch.where(block > own, column - size, column)
        return torch.where(block == own, c1 - size, index)[:, :, None, None]

    def _pointwise(self) -> torch.Tensor:
        return F.pad(self.point, (0, 0, 0, 0, 0, 1)).gather(1, self.index)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.c1, self)
        if self.folded:
            y = self.conv(x) + F.conv2d(x, self.point)
        elif self.training:
            y = self.bn(self.conv(x) + F.conv2d(x, self._pointwise()))
        else:
            spatial, point, bias = self._fold()
            y = F.conv2d(x, spatial, bias, padding=1, groups=self.conv.groups) + F.conv2d(x, point)
        return cast(torch.Tensor, self.act(y))

    def _fold(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        bn = self.bn
        assert bn.running_var is not None and bn.running_mean is not None
        scale = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
        column = scale[:, None, None, None]
        return self.conv.weight * column, self._pointwise() * column, bn.bias - bn.running_mean * scale

    @torch.no_grad()
    def fuse(self) -> None:
        """Keep the folded weights, for inference."""
        if not self.folded:
            spatial, point, bias = self._fold()
            self.conv.weight, self.conv.bias = nn.Parameter(spatial), nn.Parameter(bias)
            self.point = nn.Parameter(point)
            self.bn = cast(nn.BatchNorm2d, nn.Identity())
            self.folded = True


class HetBlock(nn.Module):
    """x + HetConv(HetConv x), the first to ``channels * expansion``. (B, C, H, W) kept.

    Row arguments: [channels, p=4, expansion=1].
    """

    def __init__(self, channels: int, p: int = 4, expansion: float = 1):
        super().__init__()
        hidden = int(channels * expansion)
        self.cv1 = HetConv(channels, hidden, p)
        self.cv2 = HetConv(hidden, channels, p)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))


class CSPHet(Shell):
    """The C2f shell round ``n`` HetConv blocks at half width. Row arguments: [channels, n, p=4, expansion=1]."""

    def __init__(self, channels: int, n: int, p: int = 4, expansion: float = 1):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: HetBlock(half, p, expansion))


def _het_term(c1: int, c2: int, p: int, grid: tuple[int, int]) -> Term:
    """M N (K^2 / P + 1 - 1 / P) weights (the paper's section 3.2), and the batch norm."""
    return Term(9 * c1 * c2 // p + c1 * c2 - c1 * c2 // p, 2 * c2, grid)


def _block_terms(channels: int, p: int, expansion: float, grid: tuple[int, int]) -> list[Term]:
    hidden = int(channels * expansion)
    return [_het_term(channels, hidden, p, grid), _het_term(hidden, channels, p, grid)]


class HetBlockOperator(KeepingOperator):
    name = "HetBlock"
    module = HetBlock

    def terms(self, inputs: Sequence[Shape], *arguments: Any) -> list[Term]:
        channels, divisor, expansion = self.filled(arguments)
        return _block_terms(channels, divisor, expansion, inputs[0][1:])


class CSPHetOperator(CSPOperator):
    name = "CSPHet"
    module = CSPHet
    block_terms = staticmethod(_block_terms)


def _row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
    p, expansion = parameters["p"], parameters["expansion"]
    if shell == "csp":
        return 1, "CSPHet", (channels, depth, p, expansion)
    return depth, "HetBlock", (channels, p, expansion)


HET_FAMILY = Family(
    key="het",
    title="HetConv block",
    shells=("plain", "csp"),
    parameters={
        "p": Parameter("p", 1, 64, True, "one kernel in P is 3x3, the others are 1x1"),
        "expansion": Parameter("e", 0.25, 2.0, False, "width between the two HetConvs over the block's"),
    },
    row=_row,
    widths=lambda width, parameters: (width, int(width * parameters["expansion"])),
)
