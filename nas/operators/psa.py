"""Self-attention over the positions of a map, and the blocks of YOLO11 (C2PSA) and YOLOv10 (PSA) made of it.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (partial
self-attention).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

from nas.operators.base import Call, Cost, Shape, StockOperator, conv_cost
from nas.operators.conv import Conv


class Attention(nn.Module):
    """Multi-head attention with every position a token and a depthwise 3x3 of the values as position code.

    (B, d, H, W) kept; ``ratio`` is the width of queries and keys over the values'. The channels of qkv are head-major
    and inside a head query, key, value: the number of heads changes no key and no shape of the state dict.
    """

    def __init__(self, d: int, heads: int = 8, ratio: float = 0.5):
        super().__init__()
        if d % heads:
            raise ValueError(f"Attention: {heads} heads must divide the channels {d}")
        self.heads, self.value = heads, d // heads
        self.key = int(self.value * ratio)
        self.qkv = Conv(d, d + 2 * heads * self.key, 1, act=False)
        self.proj = Conv(d, d, 1, act=False)
        self.pe = Conv(d, d, 3, g=d, act=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, height, width = x.shape
        heads = self.qkv(x).view(batch, self.heads, 2 * self.key + self.value, height * width)
        query, key, value = heads.split((self.key, self.key, self.value), 2)
        weights = ((query * self.key**-0.5).transpose(2, 3) @ key).softmax(-1)
        seen = (value @ weights.transpose(2, 3)).reshape(x.shape)
        return cast(torch.Tensor, self.proj(seen + self.pe(value.reshape(x.shape))))


class PSABlock(nn.Module):
    """Attention, then two 1x1 convolutions over twice the channels, each with a shortcut. (B, c, H, W) kept."""

    def __init__(self, c: int, ratio: float = 0.5, heads: int = 4, shortcut: bool = True):
        super().__init__()
        self.attn = Attention(c, heads, ratio)
        self.ffn = nn.Sequential(Conv(c, 2 * c, 1), Conv(2 * c, c, 1, act=False))
        self.add = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(x) if self.add else self.attn(x)
        return cast(torch.Tensor, x + self.ffn(x) if self.add else self.ffn(x))


def psa_heads(channels: int) -> int:
    """One head for every 64 channels, as the stock blocks have it; raises ValueError where they cannot be dealt out."""
    heads = max(channels // 64, 1)
    if channels % heads:
        raise ValueError(f"partial self-attention: {heads} heads, one for every 64 channels, must divide {channels}")
    return heads


class C2PSA(nn.Module):
    """n PSABlocks on one half of the channels, between two 1x1 convolutions. (B, c1, H, W), c2 = c1.

    Row arguments: [c2, e=0.5].
    """

    def __init__(self, c1: int, c2: int, n: int = 1, e: float = 0.5):
        super().__init__()
        self.hidden = _hidden(c1, c2, e)
        self.cv1 = Conv(c1, 2 * self.hidden, 1)
        self.cv2 = Conv(2 * self.hidden, c1, 1)
        self.m = nn.Sequential(*(PSABlock(self.hidden, heads=psa_heads(self.hidden)) for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.cv1(x).chunk(2, 1)
        return cast(torch.Tensor, self.cv2(torch.cat((a, self.m(b)), 1)))


class PSA(PSABlock):
    """C2PSA with one block, whose parts lie directly under the row: keys attn, ffn. Row arguments: [c2, e=0.5]."""

    def __init__(self, c1: int, c2: int, e: float = 0.5):
        hidden = _hidden(c1, c2, e)
        super().__init__(hidden, heads=psa_heads(hidden))
        self.cv1 = Conv(c1, 2 * hidden, 1)
        self.cv2 = Conv(2 * hidden, c1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.cv1(x).chunk(2, 1)
        return cast(torch.Tensor, self.cv2(torch.cat((a, super().forward(b)), 1)))


def _hidden(c1: int, c2: int, e: float = 0.5) -> int:
    if c1 != c2:
        raise ValueError(f"partial self-attention keeps its channels: {c1} in, {c2} out")
    return int(c1 * e)


def attention_cost(heads: int, key: int, value: int, tokens: int, areas: int = 1) -> Cost:
    """The two matrix products, the tokens cut into ``areas`` runs that attend to themselves alone."""
    pairs = tokens * tokens // areas
    # Read: query and key; weights and value. Written: weights; what was seen.
    access = heads * (2 * tokens * key + pairs + pairs + 2 * tokens * value)
    return Cost(0, heads * pairs * (key + value), access, 0)


def psa_block_costs(c: int, heads: int, grid: tuple[int, int]) -> list[Cost]:
    """Convolutions and matrix products of a `PSABlock` with ratio 1/2."""
    value = c // heads
    key = value // 2
    return [
        conv_cost(1, c, c + 2 * heads * key, grid),
        conv_cost(1, c, c, grid),
        conv_cost(3, c, c, grid, c),
        conv_cost(1, c, 2 * c, grid),
        conv_cost(1, 2 * c, c, grid),
        attention_cost(heads, key, value, grid[0] * grid[1]),
    ]


def _costs(c: int, n: int, e: float, grid: tuple[int, int]) -> list[Cost]:
    hidden = int(c * e)
    block = psa_block_costs(hidden, psa_heads(hidden), grid)
    return [conv_cost(1, c, 2 * hidden, grid), conv_cost(1, 2 * hidden, c, grid), *block * n]


class _PartialAttentionOperator(StockOperator):
    example = (16, 0.5)

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        psa_heads(_hidden(inputs[0][0], *args))
        return super().resolve(inputs, repeats, args)


class C2PSAOperator(_PartialAttentionOperator):
    name = "C2PSA"
    module = C2PSA
    depth_argument = 2

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        _, c2, n, e = self.filled(arguments)
        return _costs(c2, n, e, inputs[0][1:])


class PSAOperator(_PartialAttentionOperator):
    name = "PSA"
    module = PSA

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        _, c2, e = self.filled(arguments)
        return _costs(c2, 1, e, inputs[0][1:])
