"""Heterogeneous convolution: 3x3 kernels on one input channel in P, 1x1 kernels on the others.

Source: Singh et al., "HetConv: Heterogeneous Kernel-Based Convolutions for Deep CNNs", CVPR 2019, section 3.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.modules.shuffle import channel_shuffle
from nas.operators.modules.two_kernels import TwoKernels, own_block


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
        """Position in [point, 0] of each entry of the dense 1x1 kernel, (c2, c1, 1, 1)."""
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
    """x + HetConv(HetConv x), the first to ``channels * expansion``. (B, C, H, W) to (B, C, H, W).

    Row arguments: [channels, p=4, expansion=1].
    """

    def __init__(self, channels: int, p: int = 4, expansion: float = 1):
        super().__init__()
        hidden = int(channels * expansion)
        self.cv1 = HetConv(channels, hidden, p)
        self.cv2 = HetConv(hidden, channels, p)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))
