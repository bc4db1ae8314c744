"""What a runtime is: the thing that executes a module on a device, told apart by a fingerprint."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nas.latency.runtimes.measure import Ends, machine

Array = NDArray[np.float32]


class Prepared(Protocol):
    """A module that is ready to run on the inputs that it was prepared with."""

    def seconds(self) -> float:
        """Run once and return how long that took, in seconds, nothing but the run inside the clock."""

    def outputs(self) -> list[Array]:
        """Run once and return what came out, as float32."""


class Runtime(ABC):
    """Runs modules for timing.

    * `prepare` takes a fused module in eval mode and the tensors that it is run on, batch included, float32 on the
      CPU; everything that can be done once (export, compilation, moving, buffers) is done there. With several tensors
      the module takes a list. Neither the module nor the tensors are changed.
    * Many prepared modules may live at once. One runs at a time, each on ``threads`` threads.
    * `measuring` is entered round any timing. It sets what holds for the whole process, and puts it back.
    * `fingerprint` holds everything that moves a number and is not the device: equal fingerprints, comparable numbers.
      `device` tells the device: its kind, and the names that the system gives it.
    * ``timed`` is False where `Prepared.seconds` computes its answer: nothing is gained by repeating it.
    * ``supported`` lists the precisions by kind of device, ``packages`` the packages that have to be installed, by the
      names they are imported by, and ``install`` the command that does. `choose` asks them before it makes a runtime.

    ``name`` is what ``--runtime`` takes; a class outside this package gets its import string from `choose`.
    nas/latency/runtimes/README.md shows how to add one.
    """

    name: str
    timed = True
    supported: ClassVar[Mapping[str, tuple[str, ...]]] = {"cpu": ("float32",)}
    packages: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""

    def __init__(self, threads: int = 1, device: str = "cpu", precision: str = "float32"):
        """``device`` is cpu, cuda or cuda:N; `choose` has checked its kind and the precision."""
        self.threads, self.precision, self._device = threads, precision, device

    @abstractmethod
    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        """``module`` ready to run on ``inputs``."""

    def prepare_row(self, module: nn.Module, inputs: Sequence[torch.Tensor], ends: Ends) -> Prepared:
        """A row's module ready to run, timed as inside its detector, as far as this runtime can tell: what it spends
        on converting maps at ends that are not the detector's (`nas.latency.runtimes.measure.Ends`) is left out."""
        return self.prepare(module, inputs)

    @abstractmethod
    def fingerprint(self) -> dict[str, str | int]:
        """At least runtime, version, options, precision and threads."""

    def device(self) -> dict[str, str]:
        """``device`` (its kind), ``cpu`` and ``system`` at least."""
        return {"device": "cpu", **machine()}

    def measuring(self) -> contextlib.AbstractContextManager[Any]:
        """Process-wide settings while timing; none by default."""
        return contextlib.nullcontext()


def call(module: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Run a row's module: one map is passed as it is, several as a list."""
    return cast(torch.Tensor, module(inputs[0] if len(inputs) == 1 else list(inputs)))
