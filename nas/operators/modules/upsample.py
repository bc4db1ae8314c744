"""Upsampling: torch's own module."""

from torch.nn import Upsample

__all__ = ["Upsample"]
