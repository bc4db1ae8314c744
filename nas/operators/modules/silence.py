"""Silence, a row of YOLOv9 that gives its input."""

from __future__ import annotations

import torch
from torch import nn


class Silence(nn.Module):
    """The input as it is. Row arguments: []."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x
