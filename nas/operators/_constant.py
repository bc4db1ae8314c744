"""What follows from the weights alone, as a constant of the graph that an exporter traces."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

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
