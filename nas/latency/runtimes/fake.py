"""Fake runtime for tests: its times are computed, without a clock and without noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from nas.latency.runtimes.base import Array, Prepared, Runtime, call

OVERHEAD = 20e-6
PER_MAC = 1e-10
PER_ELEMENT = 1e-9


class FakeRuntime(Runtime):
    """A run costs 20 us, 1e-10 s per multiply-add of a convolution and 1e-9 s per element that any operation yields.

    So a detector costs exactly the sum of its rows, with the 20 us counted once. A row's cost is linear in its depth.
    """

    name = "fake"
    timed = False

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        return _Computed(module, inputs)

    def fingerprint(self) -> dict[str, str | int]:
        return {
            "runtime": self.name,
            "version": "1",
            "options": "computed, not timed",
            "precision": self.precision,
            "threads": self.threads,
        }


class _Computed:
    def __init__(self, module: nn.Module, inputs: Sequence[torch.Tensor]):
        self.module, self.inputs = module, list(inputs)
        with torch.no_grad():
            call(module, self.inputs)  # A module may build something in its first call; that is not part of its cost.
            with _Count() as count:
                call(module, self.inputs)
        self.cost: float = OVERHEAD + PER_MAC * count.macs + PER_ELEMENT * count.elements

    def seconds(self) -> float:
        return self.cost

    def outputs(self) -> list[Array]:
        with torch.no_grad():
            return [call(self.module, self.inputs).numpy()]


class _Count(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise torch imports its compiler, which takes seconds

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs = 0
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements += result.numel()
            if func is torch.ops.aten.convolution.default:
                self.macs += result.numel() * args[1][0].numel()
        return result
