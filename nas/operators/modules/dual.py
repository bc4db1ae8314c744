"""Dual convolution: a grouped 3x3 and a full 1x1 convolution of the same input, added.

Source: Zhong, Chen and Mian, "DualConv: Dual Convolutional Kernels for Lightweight Deep Neural Networks", IEEE TNNLS
2022, section III.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.het import HetConv
from nas.operators.modules.two_kernels import TwoKernels, own_block


class DualConv(TwoKernels):
    """SiLU(BN(DualConv x)), (B, c1, H, W) -> (B, c2, H, W); G must divide c1 and c2.

    ``bare`` is the paper's operator, without norm and activation.
    """

    def __init__(self, c1: int, c2: int, g: int, bare: bool = False):
        if g < 1 or c1 % g or c2 % g:
            raise ValueError(f"DualConv: G = {g} must divide the input channels {c1} and the output channels {c2}")
        super().__init__(c1, c2, g, bare)
        self.point = nn.Conv2d(c1, c2, 1, bias=False)

    def pointwise(self) -> torch.Tensor:
        return self.point.weight

    @torch.no_grad()
    def to_het(self) -> HetConv:
        """The HetConv with P = G that computes the same: where a tap has both kernels, the 1x1 joins the center tap."""
        c2 = self.conv.out_channels
        het = HetConv(self.c1, c2, self.groups, bare=not isinstance(self.bn, nn.BatchNorm2d))
        own = own_block(self.c1, c2, self.groups)
        pointwise = self.pointwise()[:, :, 0, 0]
        spatial = self.conv.weight.clone()
        spatial[:, :, 1, 1] += pointwise[own].view(c2, -1)
        het.conv.weight.copy_(spatial)
        het.point.copy_(pointwise[~own].view(c2, -1)[:, :, None, None])
        het.bn.load_state_dict(self.bn.state_dict())
        return het.train(self.training)


class DualBlock(nn.Module):
    """x + DualConv(DualConv x), the first to ``channels * expansion``. (B, C, H, W) to (B, C, H, W).

    Row arguments: [channels, groups=4, expansion=1].
    """

    def __init__(self, channels: int, groups: int = 4, expansion: float = 1):
        super().__init__()
        hidden = int(channels * expansion)
        self.cv1 = DualConv(channels, hidden, groups)
        self.cv2 = DualConv(hidden, channels, groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))
