"""Check of a module's input."""

from __future__ import annotations

import torch
from torch import nn


def check_channels(x: torch.Tensor, channels: int, who: nn.Module) -> None:
    """Raise ValueError unless x (B, C, H, W) has ``channels`` channels: slicing would hide the mistake."""
    if not torch.jit.is_tracing() and x.shape[1] != channels:  # type: ignore[attr-defined,no-untyped-call]
        raise ValueError(f"{type(who).__name__} was built for {channels} channels and got {x.shape[1]}")
