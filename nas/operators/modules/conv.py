"""Convolution, batch norm and SiLU: the basic block of every YOLO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast

import torch
from torch import nn

from nas.operators.base import Size, padding_of

_activation: ContextVar[Callable[[], nn.Module]] = ContextVar("activation", default=nn.SiLU)


@contextmanager
def default_activation(make: Callable[[], nn.Module]) -> Iterator[None]:
    """Let every `Conv` that is built in the block have another activation than SiLU.

    Args:
        make: Makes the activation.
    """
    token = _activation.set(make)
    try:
        yield
    finally:
        _activation.reset(token)


class Conv(nn.Module):
    """act(BN(conv x)), with the state-dict keys of the stock checkpoints.

    (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)) for odd k and p None.

    Args:
        c1: Input channels.
        c2: Output channels.
        k: Kernel size.
        s: Stride.
        p: Padding. None: "same".
        g: Groups.
        act: True: SiLU, or the activation of `default_activation`. As in Ultralytics, any other value stands for none.
        d: Dilation.
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        p: Size | None = None,
        g: int = 1,
        act: bool = True,
        d: Size = 1,
    ):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, padding_of(k, d) if p is None else p, d, g, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(c2)
        self.act = _activation.get()() if act is True else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.act(self.bn(self.conv(x))))

    def fuse(self) -> None:
        """Fold the batch norm into the convolution, for inference."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.bn)
            self.bn = nn.Identity()
