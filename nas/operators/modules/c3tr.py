"""C3TR, the stage of YOLOv5-transformer: C3 round layers of self-attention.

Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2, without norms, as in YOLOv5.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from nas.operators.c3tr import HEADS
from nas.operators.modules.c3 import C3Shell


class MultiheadAttention(nn.Module):
    """Attention of all positions, with the state-dict keys of torch's class of that name: (B, N, c) to (B, N, c)."""

    def __init__(self, c: int):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * c, c))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * c))
        self.out_proj = nn.Linear(c, c)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        batch, tokens, c = q.shape
        projections = zip((q, k, v), self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        query, key, value = (
            F.linear(x, weight, bias).view(batch, tokens, HEADS, c // HEADS).transpose(1, 2)
            for x, weight, bias in projections
        )
        weights = ((query * (c // HEADS) ** -0.5) @ key.transpose(2, 3)).softmax(-1)
        return cast(torch.Tensor, self.out_proj((weights @ value).transpose(1, 2).reshape(batch, tokens, c)))


class TransformerLayer(nn.Module):
    """Attention and two linear layers, each with a shortcut and without norm: (B, N, c) to (B, N, c)."""

    def __init__(self, c: int):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(c, c, bias=False) for _ in range(3))
        self.ma = MultiheadAttention(c)
        self.fc1, self.fc2 = (nn.Linear(c, c, bias=False) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.ma(self.q(x), self.k(x), self.v(x))
        return cast(torch.Tensor, x + self.fc2(self.fc1(x)))


class TransformerBlock(nn.Module):
    """A linear layer with a shortcut, in the place of positions, and n layers: (B, c, H, W) to the same shape."""

    def __init__(self, c: int, n: int):
        super().__init__()
        self.linear = nn.Linear(c, c)
        self.tr = nn.Sequential(*(TransformerLayer(c) for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        y = self.tr(tokens + self.linear(tokens))
        return cast(torch.Tensor, y.transpose(1, 2).reshape(x.shape))


class C3TR(C3Shell):
    """The C3 shell round n layers of self-attention of width int(c2 * e).

    Row arguments: [c2, shortcut=True, g=1, e=0.5]; ``shortcut`` and ``g`` have no effect.
    """

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, 0, nn.Identity)
        self.add_module("m", TransformerBlock(hidden, n))
