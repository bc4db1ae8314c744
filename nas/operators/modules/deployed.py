"""What a module computes from its weights alone, for the form that is deployed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")


def constant(compute: Callable[[], T]) -> T:
    """``compute()``, whose steps torch's tracer does not see: runtimes would not fold all of them into constants.

    The tracer follows its own thread only, so a trace computes in another one. torch.export sees the steps: its
    exporter folds those of small weights, the rest is up to the runtime.
    """
    if not torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return compute()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(torch.no_grad()(compute)).result()


def folded(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """What the norm is outside of training: a factor (C, 1, 1, 1) of the kernel before it, and a bias (C,)."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale[:, None, None, None], norm.bias - norm.running_mean * scale
