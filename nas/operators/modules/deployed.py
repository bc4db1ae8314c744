"""Values that a module computes from its weights, as constants of the deployed graph."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")


def constant(compute: Callable[[], T]) -> T:
    """Return ``compute()`` and hide its steps from torch's tracer: runtimes would not fold all of them into constants.

    The tracer follows its own thread only, so a trace computes in another thread. torch.export sees the steps. Its
    exporter folds those of small weights; the runtime may fold the others.
    """
    if not torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return compute()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(torch.no_grad()(compute)).result()


def folded(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch norm outside of training, as a factor (C, 1, 1, 1) of the kernel before it and a bias (C,)."""
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale[:, None, None, None], norm.bias - norm.running_mean * scale
