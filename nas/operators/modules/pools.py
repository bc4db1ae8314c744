"""Torch's pools and zero padding."""

from torch.nn import AvgPool2d, MaxPool2d, ZeroPad2d

__all__ = ["AvgPool2d", "MaxPool2d", "ZeroPad2d"]
