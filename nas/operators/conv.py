"""Convolution, batch norm, SiLU: the block that every YOLO is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators.base import Call, Cost, Shape, StockOperator, conv_cost, conv_grid


class Conv(nn.Module):
    """act(BN(conv x)), x (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)) for odd k and p None. Keys as in the stock
    checkpoints.

    ``p`` None pads to "same"; ``act`` False leaves out the SiLU.
    """

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, p: int | None = None, g: int = 1, act: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2 if p is None else p, groups=g, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(c2)
        self.act = nn.SiLU() if act else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.act(self.bn(self.conv(x))))

    def fuse(self) -> None:
        """Fold the batch norm into the convolution, for inference."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.bn)
            self.bn = nn.Identity()


class ConvOperator(StockOperator):
    """Row arguments: [c2, k=1, s=1, p=None, g=1, d=1, act=True]; a dilation other than 1 is refused."""

    name = "Conv"
    module = Conv
    example = (24, 3, 2)
    stride_argument = 2

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        args = list(args)
        if len(args) > 5 and (dilation := args.pop(5)) != 1:
            raise ValueError(f"a dilation of {dilation!r} is not built here, only 1")
        call = super().resolve(inputs, repeats, args)
        _, _, k, s, p, _, _ = self.filled(call.arguments)
        return call._replace(output=(call.output[0], *conv_grid(inputs[0], k, s, k // 2 if p is None else p)))

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, k, s, p, g, _ = self.filled(arguments)
        return [conv_cost(k, c1, c2, conv_grid(inputs[0], k, s, k // 2 if p is None else p), g, stride=s)]
