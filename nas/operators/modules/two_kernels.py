"""A grouped 3x3 and a 1x1 convolution of the same input, added: the base of HetConv and DualConv."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.modules.checks import check_channels
from nas.operators.modules.deployed import constant, folded
from nas.operators.two_kernels import folds_dense


def own_block(c1: int, c2: int, groups: int) -> torch.Tensor:
    """Bool (c2, c1), True where the 3x3 convolution's group of an output channel contains the input channel."""
    return torch.arange(c2)[:, None] // (c2 // groups) == torch.arange(c1)[None, :] // (c1 // groups)


class TwoKernels(nn.Module, ABC):
    """SiLU(BN(conv3x3_groups x + conv1x1 x)), or without norm and activation when ``bare``. (B, c1, H, W) -> (B, c2,
    H, W).

    Out of training the batch norm is folded into the weights within `forward`, where a tracing exporter sees constants;
    where `folds_dense` says so both become one dense 3x3 convolution. `fuse` keeps the folded weights.
    """

    def __init__(self, c1: int, c2: int, groups: int, bare: bool):
        super().__init__()
        self.c1, self.groups = c1, groups
        self.conv = nn.Conv2d(c1, c2, 3, 1, 1, groups=groups, bias=False)
        self.bn: nn.Module = nn.Identity() if bare else nn.BatchNorm2d(c2)
        self.act: nn.Module = nn.Identity() if bare else nn.SiLU()
        self.folded: nn.ModuleList | None = None

    @abstractmethod
    def pointwise(self) -> torch.Tensor:
        """The dense 1x1 kernel (c2, c1, 1, 1)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.c1, self)
        if self.folded is not None:
            y = sum(conv(x) for conv in self.folded)
        elif self.training:
            y = self.bn(self.conv(x) + F.conv2d(x, self.pointwise()))
        else:
            spatial, point, bias = constant(self._fold)
            y = F.conv2d(x, spatial, bias, padding=1, groups=self.c1 // spatial.shape[1])
            y = y if point is None else y + F.conv2d(x, point)
        return cast(torch.Tensor, self.act(y))

    def dense(self) -> torch.Tensor:
        """Kernel (c2, c1, 3, 3) of the dense convolution that computes the same, without the norm."""
        own = own_block(self.c1, self.conv.out_channels, self.groups).to(self.conv.weight.device)
        kernel = self.conv.weight.repeat(1, self.groups, 1, 1) * own[:, :, None, None]
        return kernel + F.pad(self.pointwise(), (1, 1, 1, 1))

    def _fold(self) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Return 3x3 kernel, 1x1 kernel (None if the first is dense) and bias, with the norm folded."""
        if folds_dense(self.c1, self.conv.out_channels, self.groups):
            spatial, point = self.dense(), None
        else:
            spatial, point = self.conv.weight, self.pointwise()
        if not isinstance(self.bn, nn.BatchNorm2d):
            return spatial, point, None
        scale, bias = folded(self.bn)
        return spatial * scale, None if point is None else point * scale, bias

    @torch.no_grad()
    def fuse(self) -> None:
        """Replace the two kernels and the norm by folded convolutions, for inference."""
        if self.folded is not None:
            return
        spatial, point, bias = self._fold()
        c2, groups = self.conv.out_channels, self.c1 // spatial.shape[1]
        first = nn.Conv2d(self.c1, c2, 3, 1, 1, groups=groups, bias=bias is not None)
        first.weight = nn.Parameter(spatial)
        if bias is not None:
            first.bias = nn.Parameter(bias)
        self.folded = nn.ModuleList([first])
        if point is not None:
            second = nn.Conv2d(self.c1, c2, 1, bias=False)
            second.weight = nn.Parameter(point)
            self.folded.append(second)
        for name in ("conv", "bn", "point", "index"):
            if hasattr(self, name):
                delattr(self, name)
