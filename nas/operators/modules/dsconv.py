"""Distribution-shift convolution: weights of a few bits, each block of them with one float scale.

Source: Gennari do Nascimento, Fawcett and Prisacariu, "DSConv: Efficient Convolution Operator", ICCV 2019, section 3,
its scale-only form on float activations. It is no depthwise-separable convolution: parameters, MACs and float latency
are those of the plain convolution. It saves weight bytes, and only in a form like `packed`:
checkpoints and ONNX files hold the same numbers as float32, so without a runtime that reads packed weights the saving
is theoretical.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.dsconv import packed_size
from nas.operators.modules.checks import check_channels
from nas.operators.modules.deployed import constant, folded

NOTHING = 1e-30
"""A block whose largest weight is below this counts as zeros: dividing by it could overflow."""


def _check(bits: int, block: int) -> None:
    if not 2 <= bits <= 8 or block < 1:
        raise ValueError(f"DSConv: bits must lie in 2..8 and block be at least 1, not {bits} and {block}")


class Quantized(NamedTuple):
    """A quantized weight (co, ci, kh, kw).

    Attributes:
        s: Factor of each block, (co, blocks, kh, kw); q = round(s w).
        q: Whole numbers, (co, ci, kh, kw).
        alpha: Scale of each block, (co, blocks, kh, kw).
    """

    s: torch.Tensor
    q: torch.Tensor
    alpha: torch.Tensor


def quantize(weight: torch.Tensor, bits: int, block: int, clamp: bool = True) -> Quantized:
    """Quantize a weight to codes of ``bits`` bits, with a scale for every ``block`` input channels of a filter's tap.

    In each block s maps the weight of the largest magnitude to -2^(bits-1), q = round(s w), and alpha q is the multiple
    of q nearest to w. The original leaves out the clamp, so that a weight almost as large and of the other sign gets
    the code 2^(bits-1), which ``bits`` bits do not hold. Zeros get q = alpha = s = 0, and the last block may be short.
    Computed in float32 or better. With the clamp alpha q is a fixed point: it is quantized to itself.
    """
    _check(bits, block)
    channels, lowest = weight.shape[1], -(2 ** (bits - 1))
    blocks = -(-channels // block)
    w = weight.to(torch.promote_types(weight.dtype, torch.float32))
    # Padding adds zeros to the last block, which change neither its largest weight nor its sums.
    w = F.pad(w, (0, 0, 0, 0, 0, blocks * block - channels)).unflatten(1, (blocks, block))
    high, low = w.max(2, keepdim=True), w.min(2, keepdim=True)
    # Of equals the first, so that negating a filter negates its s and leaves its codes alone. A gather would be
    # shorter, but where an exporter leaves this in the graph OpenVINO would run that in each inference.
    first = (high.values == -low.values) & (high.indices < low.indices)
    largest = torch.where((high.values > -low.values) | first, high.values, low.values)
    s = lowest / largest.masked_fill(largest.abs() < NOTHING, torch.inf)
    q = (s * w).round()
    q = q.clamp(lowest, -lowest - 1) if clamp else q
    alpha = (w * q).sum(2) / (q * q).sum(2).clamp(min=1)
    return Quantized(s.squeeze(2), q.flatten(1, 2)[:, :channels], alpha)


def dequantize(q: torch.Tensor, alpha: torch.Tensor, block: int) -> torch.Tensor:
    """Return alpha q, (co, ci, kh, kw)."""
    every = alpha[:, :, None].expand(-1, -1, block, -1, -1).flatten(1, 2)
    return q * every[:, : q.shape[1]]


def packed(weight: torch.Tensor, bits: int, block: int) -> bytes:
    """Pack a quantized weight into bytes; ``weight_bytes`` counts as many.

    Codes of ``bits`` bits follow each other, lowest bit first. Zeros fill the last byte. A little-endian float32 for
    each block follows.

    No known trainer or runtime reads this form. It shows that the bytes are enough.
    """
    _, q, alpha = quantize(weight.detach().float().cpu(), bits, block)
    codes = q.flatten().numpy().astype(np.int8).view(np.uint8)[:, None]
    stream = np.unpackbits(codes, axis=1, count=bits, bitorder="little")
    return np.packbits(stream, bitorder="little").tobytes() + alpha.numpy().astype("<f4").tobytes()


def unpacked(content: bytes, shape: Sequence[int], bits: int, block: int) -> torch.Tensor:
    """Read the float32 weight of this shape (co, ci, kh, kw) that `packed` wrote.

    Raises ValueError for other lengths.
    """
    co, ci, kh, kw = shape
    scales, size = (co, -(-ci // block), kh, kw), packed_size(shape, bits, block)
    if len(content) != size:
        raise ValueError(
            f"a weight {tuple(shape)} of {bits} bits in blocks of {block} takes {size} bytes, not {len(content)}"
        )
    split = size - 4 * math.prod(scales)
    stream = np.unpackbits(np.frombuffer(content[:split], np.uint8), count=math.prod(shape) * bits, bitorder="little")
    # The code goes to the top of its byte, from where an arithmetic shift brings it down with its sign.
    codes = np.packbits(stream.reshape(-1, bits), axis=1, bitorder="little") << (8 - bits)
    q = codes.view(np.int8) >> (8 - bits)
    alpha = np.frombuffer(content[split:], "<f4").astype(np.float32).reshape(scales)
    return dequantize(torch.from_numpy(q.astype(np.float32).reshape(shape)), torch.from_numpy(alpha), block)


class QuantizedConv2d(nn.Conv2d):
    """A convolution that quantizes its float weight in each forward, and has no other state.

    Being an ``nn.Conv2d`` it is counted by profilers that look at modules; a smaller count would be a blind spot.
    """

    def __init__(self, c1: int, c2: int, k: int, s: int, bits: int, block: int):
        _check(bits, block)
        super().__init__(c1, c2, k, s, k // 2, bias=False)
        self.bits, self.block = bits, min(block, c1)

    def kernel(self) -> torch.Tensor:
        """The quantized weight. Its gradient passes to the float weight unchanged (straight through)."""
        with torch.no_grad():
            _, q, alpha = quantize(self.weight, self.bits, self.block)
            kernel = dequantize(q, alpha, self.block).to(self.weight.dtype)
        if torch.is_grad_enabled() and self.weight.requires_grad:
            return kernel + (self.weight - self.weight.detach())  # adds exactly zero
        return kernel

    def forward(
        self, x: torch.Tensor, kernel: torch.Tensor | None = None, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        return F.conv2d(x, self.kernel() if kernel is None else kernel, bias, self.stride, self.padding)


class DSConv(nn.Module):
    """SiLU(BN(conv(x, quantized weight))), x (B, c1, H, W) -> (B, c2, ceil(H/s), ceil(W/s)).

    State and keys are those of a plain convolution: the optimizer and the averages see the float weight.

    Out of training the batch norm is folded into the weight within `forward`, so that the convolution starts from
    constants, whatever exporter traces it. A filter scaled by a number has its alphas scaled by it and its codes left
    alone, of either sign; so folding first and quantizing the folded weight gives the same. Here the quantized weight
    is scaled, which cannot turn a tie in the rounding. `fuse` keeps that weight, which is its own quantization.
    """

    def __init__(self, c1: int, c2: int, k: int = 3, s: int = 1, bits: int = 4, block: int = 32):
        super().__init__()
        self.c1 = c1
        self.conv: nn.Conv2d = QuantizedConv2d(c1, c2, k, s, bits, block)
        self.bn: nn.Module = nn.BatchNorm2d(c2)
        self.act = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_channels(x, self.c1, self)
        if self.training or isinstance(self.bn, nn.Identity):
            return cast(torch.Tensor, self.act(self.bn(self.conv(x))))
        kernel, bias = constant(self._folded)
        return cast(torch.Tensor, self.act(self.conv(x, kernel, bias)))

    def _folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantized kernel and bias with the norm in them."""
        scale, bias = folded(cast(nn.BatchNorm2d, self.bn))
        return cast(QuantizedConv2d, self.conv).kernel() * scale, bias

    @torch.no_grad()
    def fuse(self) -> None:
        """Replace the convolution by a plain one with the quantized and folded weight, for inference."""
        if isinstance(self.conv, QuantizedConv2d):
            kernel, bias = self._folded()
            c2, c1, k, _ = kernel.shape
            self.conv = nn.Conv2d(c1, c2, k, self.conv.stride[0], k // 2)
            self.conv.weight, self.conv.bias = nn.Parameter(kernel), nn.Parameter(bias)
            self.bn = nn.Identity()


class DSBlock(nn.Module):
    """x + DSConv3x3(DSConv3x3 x), the first to ``channels * expansion``. (B, C, H, W) to (B, C, H, W).

    Row arguments: [channels, bits=4, block=32, expansion=1].
    """

    def __init__(self, channels: int, bits: int = 4, block: int = 32, expansion: float = 1):
        super().__init__()
        hidden = int(channels * expansion)
        self.cv1 = DSConv(channels, hidden, 3, 1, bits, block)
        self.cv2 = DSConv(hidden, channels, 3, 1, bits, block)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, x + self.cv2(self.cv1(x)))


QuantisedConv2d = QuantizedConv2d  # the name in checkpoints of earlier versions
