"""Concatenation of several rows along the channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Concat(nn.Module):
    """Maps of equal size (B, c_i, H, W) -> (B, sum c_i, H, W). Row arguments: [dimension=1]."""

    def __init__(self, dimension: int = 1):
        super().__init__()
        self.d = dimension

    def forward(self, maps: Sequence[torch.Tensor] | torch.Tensor) -> torch.Tensor:
        return maps if isinstance(maps, torch.Tensor) else torch.cat(list(maps), self.d)
