"""Self-attention over the positions of a map, and the blocks of YOLO11 (C2PSA) and YOLOv10 (PSA) made of it.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2 (partial
self-attention).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv
from nas.operators.psa import psa_heads, psa_hidden


class Attention(nn.Module):
    """Multi-head attention of all positions. A depthwise 3x3 of the values encodes positions.

    (B, d, H, W) to (B, d, H, W); ``ratio`` is the width of queries and keys over the values'. The channels of qkv
    are ordered by head, and inside a head by query, key, value: the number of heads changes no key and no shape of the
    state dict.
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
        attended = (value @ weights.transpose(2, 3)).reshape(x.shape)
        return cast(torch.Tensor, self.proj(attended + self.pe(value.reshape(x.shape))))


class PSABlock(nn.Module):
    """Attention, then two 1x1 convolutions over twice the channels, each with a shortcut.

    (B, c, H, W) to (B, c, H, W).
    """

    def __init__(self, c: int, ratio: float = 0.5, heads: int = 4, shortcut: bool = True):
        super().__init__()
        self.attn = Attention(c, heads, ratio)
        self.ffn = nn.Sequential(Conv(c, 2 * c, 1), Conv(2 * c, c, 1, act=False))
        self.add = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(x) if self.add else self.attn(x)
        return cast(torch.Tensor, x + self.ffn(x) if self.add else self.ffn(x))


class C2PSA(nn.Module):
    """n PSABlocks on one half of the channels, between two 1x1 convolutions. (B, c1, H, W), c2 = c1.

    Row arguments: [c2, e=0.5].
    """

    def __init__(self, c1: int, c2: int, n: int = 1, e: float = 0.5):
        super().__init__()
        self.hidden = psa_hidden(c1, c2, e)
        self.cv1 = Conv(c1, 2 * self.hidden, 1)
        self.cv2 = Conv(2 * self.hidden, c1, 1)
        self.m = nn.Sequential(*(PSABlock(self.hidden, heads=psa_heads(self.hidden)) for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.cv1(x).chunk(2, 1)
        return cast(torch.Tensor, self.cv2(torch.cat((a, self.m(b)), 1)))


class PSA(PSABlock):
    """C2PSA with one block, whose parts are direct children of the row: state-dict keys attn, ffn.

    Row arguments: [c2, e=0.5].
    """

    def __init__(self, c1: int, c2: int, e: float = 0.5):
        hidden = psa_hidden(c1, c2, e)
        super().__init__(hidden, heads=psa_heads(hidden))
        self.cv1 = Conv(c1, 2 * hidden, 1)
        self.cv2 = Conv(2 * hidden, c1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.cv1(x).chunk(2, 1)
        return cast(torch.Tensor, self.cv2(torch.cat((a, super().forward(b)), 1)))
