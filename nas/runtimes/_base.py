"""What a runtime is: the thing that executes a module on a device, told apart by a fingerprint."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import nn


class Prepared(Protocol):
    """A module that is ready to run on the inputs that it was prepared with."""

    def seconds(self) -> float:
        """Run once and return how long that took, in seconds, nothing but the run inside the clock."""

    def outputs(self) -> list[torch.Tensor]:
        """Run once and return what came out."""


class Runtime(ABC):
    """Runs modules for timing.

    * `prepare` takes a fused module in eval mode and the tensors that it is run on, batch included; everything that
      can be done once (export, compilation, buffers) is done there. With several tensors the module takes a list.
    * Many prepared modules may live at once. One runs at a time, each on ``threads`` threads.
    * `measuring` is entered round any timing. It sets what holds for the whole process, and puts it back.
    * `fingerprint` holds everything that moves a number and is not the device: equal fingerprints, comparable numbers.
    * ``timed`` is False where `Prepared.seconds` computes its answer: nothing is gained by repeating it.
    """

    name: str
    timed = True

    def __init__(self, threads: int = 1):
        self.threads = threads

    @abstractmethod
    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        """``module`` ready to run on ``inputs``."""

    @abstractmethod
    def fingerprint(self) -> dict[str, str | int]:
        """At least runtime, version, options, precision and threads."""

    def measuring(self) -> contextlib.AbstractContextManager[None]:
        """Process-wide settings while timing; none by default."""
        return contextlib.nullcontext()


def call(module: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Run a row's module: one map is passed as it is, several as a list."""
    return cast(torch.Tensor, module(inputs[0] if len(inputs) == 1 else list(inputs)))
