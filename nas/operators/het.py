"""Heterogeneous convolution: 3x3 kernels on one input channel in P, 1x1 kernels on the others.

Source: Singh et al., "HetConv: Heterogeneous Kernel-Based Convolutions for Deep CNNs", CVPR 2019, section 3.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.base import BlockOperator, Cost
from nas.operators.family import Family, Parameter, block_row
from nas.operators.shell import CSPOperator, Shell
from nas.operators.shuffle import channel_shuffle
from nas.operators.two_kernels import TwoKernels, own_block, two_kernel_cost


class HetConv(TwoKernels):
    """SiLU(BN(HetConv x)), (B, c1, H, W) -> (B, c2, H, W); P must divide c1 and c2.

    Filters come in P blocks; block b has its 3x3 kernels on the b-th block of input channels. The paper's shifted
    pattern gives filter i its 3x3 kernels on the channels j = i (mod P), which is the same operator with the channels
    renamed, and which ``shifted`` computes literally, by shuffling channels on the way in and out. A grouped 3x3
    convolution holds the 3x3 kernels and ``point`` (c2, c1 - c1/P, 1, 1) the 1x1 kernels, so that exactly the weights
    of the paper's operator are parameters; the pattern is a buffer. ``bare`` leaves out norm and activation.
    """

    index: torch.Tensor

    def __init__(self, c1: int, c2: int, p: int, shifted: bool = False, bare: bool = False):
        if p < 1 or c1 % p or c2 % p:
            raise ValueError(f"HetConv: P = {p} must divide the input channels {c1} and the output channels {c2}")
        super().__init__(c1, c2, p, bare)
        self.shifted = shifted
        self.point = nn.Parameter(torch.empty(c2, c1 - c1 // p, 1, 1))
        # The two kernels of a filter see 9 c1/P + c1 - c1/P taps; both are drawn for that fan-in, as one kernel would.
        bound = (9 * c1 // p + c1 - c1 // p) ** -0.5
        nn.init.uniform_(self.conv.weight, -bound, bound)
        nn.init.uniform_(self.point, -bound, bound)
        self.register_buffer("index", self._index(c1, c2, p), persistent=False)

    @staticmethod
    def _index(c1: int, c2: int, p: int) -> torch.Tensor:
        """(c2, c1, 1, 1): where in [point, 0] each entry of the dense 1x1 kernel comes from."""
        own, size, column = own_block(c1, c2, p), c1 // p, torch.arange(c1)[None, :]
        after = column // size > torch.arange(c2)[:, None] // (c2 // p)
        index = torch.where(after, column - size, column.expand(c2, c1))
        return torch.where(own, c1 - size, index)[:, :, None, None]

    def pointwise(self) -> torch.Tensor:
        return F.pad(self.point, (0, 0, 0, 0, 0, 1)).gather(1, self.index)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.shifted:
            return super().forward(x)
        y = super().forward(channel_shuffle(x, self.c1 // self.groups))
        return channel_shuffle(y, self.groups)


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


class CSPHetBlock(Shell):
    """The C2f shell round ``n`` HetConv blocks at half width. Row arguments: [channels, n, p=4, expansion=1]."""

    def __init__(self, channels: int, n: int, p: int = 4, expansion: float = 1):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: HetBlock(half, p, expansion))


def het_cost(c1: int, c2: int, p: int, grid: tuple[int, int], bare: bool = False) -> Cost:
    """M N (K^2 / P + 1 - 1 / P) weights (the paper's section 3.2), and the batch norm unless ``bare``."""
    return two_kernel_cost(9 * c1 * c2 // p + c1 * c2 - c1 * c2 // p, c1, c2, p, grid, bare)


def _block_costs(channels: int, p: int, expansion: float, grid: tuple[int, int]) -> list[Cost]:
    hidden = int(channels * expansion)
    return [het_cost(channels, hidden, p, grid), het_cost(hidden, channels, p, grid)]


class HetBlockOperator(BlockOperator):
    name = "HetBlock"
    module = HetBlock
    example = (16, 4, 0.5)
    block_costs = staticmethod(_block_costs)


class CSPHetBlockOperator(CSPOperator):
    name = "CSPHetBlock"
    module = CSPHetBlock
    example = (16, 2, 2, 0.5)
    block_costs = staticmethod(_block_costs)


HET_FAMILY = Family(
    key="het",
    title="HetConv block",
    shells=("plain", "csp"),
    parameters={
        "p": Parameter("p", 1, 64, True, "one kernel in P is 3x3, the others are 1x1"),
        "expansion": Parameter("e", 0.25, 2.0, False, "width between the two HetConvs over the block's"),
    },
    row=block_row("HetBlock", "CSPHetBlock"),
    widths=lambda width, parameters: (width, int(width * parameters["expansion"])),
)
