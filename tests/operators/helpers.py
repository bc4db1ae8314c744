"""Helpers of the operators' tests."""

from __future__ import annotations

import warnings

import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from nas.detectors.rows import Detector, ResolvedRow, Row


def row(module: str, args: tuple[object, ...], channels: int, repeats: int = 1) -> ResolvedRow:
    """The row resolved on a map of 20 x 20."""
    rows = (Row((-1,), 1, "Conv", (channels, 3, 32)), Row((-1,), repeats, module, args))
    return list(Detector(rows, 80, 1).resolve(640))[1]


def numbers(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in module.parameters())


def counted(network: nn.Module, *inputs: torch.Tensor) -> int:
    """fvcore's count of multiply-adds of convolutions, matrix products and linear layers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore uses the tracer's deprecated parts
        count = FlopCountAnalysis(network, inputs)
        count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        operators = count.by_operator()
        return int(operators["conv"] + operators["matmul"] + operators["linear"])


def randomise(module: nn.Module) -> nn.Module:
    """Batch norms with statistics and weights that are not the identity's; the module in eval mode."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.weight.data.uniform_(0.5, 1.5)
            norm.bias.data.uniform_(-0.5, 0.5)
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.uniform_(-0.5, 0.5)
            norm.running_var.uniform_(0.5, 1.5)
    return module.eval()
