"""Eager torch on the CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from nas.runtimes._base import Prepared, Runtime, call
from nas.runtimes._clock import clock


class TorchRuntime(Runtime):
    """Fused modules in inference mode, contiguous NCHW."""

    name = "torch"

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        return _Eager(module, inputs, clock(self.threads))

    def fingerprint(self) -> dict[str, str | int]:
        return {
            "runtime": self.name,
            "version": torch.__version__,
            "options": "eager, inference mode, NCHW",
            "precision": "float32",
            "threads": self.threads,
        }

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(before)


class _Eager:
    def __init__(self, module: nn.Module, inputs: Sequence[torch.Tensor], clock: Callable[[], float]):
        self.module, self.inputs, self.clock = module, list(inputs), clock

    def seconds(self) -> float:
        start = self.clock()
        call(self.module, self.inputs)
        return self.clock() - start

    def outputs(self) -> list[torch.Tensor]:
        with torch.inference_mode():
            return [call(self.module, self.inputs)]
