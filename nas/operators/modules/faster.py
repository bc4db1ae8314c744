"""Partial convolution and the FasterNet block.

Source: Chen et al., "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks", CVPR 2023, sections 3.2, 3.3.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.checks import check_channels
from nas.operators.modules.conv import Conv

EAGER, EXPORTED = "split", "split"
"""Form that runs outside of training in eager torch, and form that exporters see. As measured
(experiments/operators, forms): in torch the two tie; in an ONNX file ``slice`` is a few per cent faster under
onnxruntime and up to twice as slow under OpenVINO, and the file does not know its runtime."""


class PConv(nn.Module):
    """3x3 convolution on the first ``channels // n_div`` channels; the others pass unchanged.

    (B, C, H, W) to (B, C, H, W).

    Two forms compute the same. ``split`` cuts, convolves and joins; it is the form that trains. ``slice`` writes the
    convolved channels over a copy of the input. Both move the other channels too. The cost counts the memory access of
    the convolution only, as the paper does. Row arguments: [channels, n_div=4].
    """

    def __init__(self, channels: int, n_div: int = 4):
        super().__init__()
        if not 1 <= n_div <= channels:
            raise ValueError(f"PConv: n_div must lie in 1..{channels}, not {n_div}")
        self.channels = channels
        self.partial = channels // n_div
        self.conv = nn.Conv2d(self.partial, self.partial, 3, 1, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.channels, self)
        exported = torch.jit.is_tracing() or torch.compiler.is_compiling()  # type: ignore[attr-defined,no-untyped-call]
        form = "split" if torch.is_grad_enabled() else EXPORTED if exported else EAGER
        return self.split(x) if form == "split" else self.slice(x)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        first, rest = torch.split(x, [self.partial, self.channels - self.partial], 1)
        return torch.cat((self.conv(first), rest), 1)

    def slice(self, x: torch.Tensor) -> torch.Tensor:
        y = x.clone()
        y[:, : self.partial] = self.conv(x[:, : self.partial])
        return y


class FasterBlock(nn.Module):
    """x + PW2(SiLU(BN(PW1(PConv x)))), PW1 widening by ``expansion``. (B, C, H, W) to (B, C, H, W).

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
