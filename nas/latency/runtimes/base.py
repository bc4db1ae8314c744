"""Runtime: executes modules on a device, and describes itself by a fingerprint."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from nas.latency.runtimes.measure import Ends, machine

if TYPE_CHECKING:
    import torch
    from torch import nn

Array = NDArray[np.float32]


class Prepared(Protocol):
    """A module that is ready to run on the inputs that it was prepared with."""

    def seconds(self) -> float:
        """Run once and return the time of the run in seconds."""

    def outputs(self) -> list[Array]:
        """Run once and return the outputs as float32."""


class Runtime(ABC):
    """Runs modules for timing. nas/latency/runtimes/README.md shows how to add a runtime.

    * `prepare` does everything that is done once: export, compilation, copies, buffers.
    * Many prepared modules may exist at the same time. One runs at a time, each on ``threads`` threads.
    * `measuring` is entered around all timing. It sets process-wide options and restores them.
    * `fingerprint` holds everything that changes a time and is not the device. Times with equal fingerprints are
      comparable. `device` holds the kind of device and its names in the system.

    Args:
        threads: Threads of the runtime.
        device: ``cpu``, ``cuda`` or ``cuda:N``; `nas.latency.runtimes.registry.choose` has checked it.
        precision: One of the precisions in `supported`, checked as well.

    Attributes:
        name: The runtime's name; a class outside this package gets its import string from `choose`.
        timed: False if `Prepared.seconds` computes its answer, so that repetition is useless.
        supported: Precisions by kind of device.
        packages: Packages that must be installed, by their import names.
        install: The command that installs them.
    """

    name: str
    timed = True
    supported: ClassVar[Mapping[str, tuple[str, ...]]] = {"cpu": ("float32",)}
    packages: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""

    def __init__(self, threads: int = 1, device: str = "cpu", precision: str = "float32"):
        self.threads, self.precision, self._device = threads, precision, device

    @abstractmethod
    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        """Prepare a module to run.

        Args:
            module: A fused module in eval mode; it stays unchanged.
            inputs: Its inputs (N, C, H, W), float32 on the CPU; they stay unchanged. A module takes several inputs as
                a list.
        """

    def prepare_row(self, module: nn.Module, inputs: Sequence[torch.Tensor], ends: Ends) -> Prepared:
        """Prepare a row to be timed as inside its detector.

        A runtime that can tell leaves out the conversions of maps at ends that are not the detector's.

        Args:
            module: The row's module, as for `prepare`.
            inputs: Its inputs.
            ends: See `nas.latency.runtimes.measure.Ends`.
        """
        return self.prepare(module, inputs)

    def prepare_reference(self) -> Prepared:
        """Prepare the reference kernel, see `nas.latency.reference`."""
        from nas.latency.reference_modules import reference  # imports torch

        return self.prepare(*reference())

    def prepare_nothing(self) -> Prepared:
        """Prepare a module that does nothing; its time is the cost of a call."""
        from nas.latency.reference_modules import nothing  # imports torch

        return self.prepare(*nothing())

    @abstractmethod
    def fingerprint(self) -> dict[str, str | int]:
        """At least runtime, version, options, precision and threads."""

    def device(self) -> dict[str, str]:
        """At least ``device`` (its kind), ``cpu`` and ``system``."""
        return {"device": "cpu", **machine()}

    def refusal(self) -> str:
        """The reason why this device does not compute in the precision; empty if it does."""
        return ""

    def measuring(self) -> contextlib.AbstractContextManager[Any]:
        """Process-wide options while timing; none by default."""
        return contextlib.nullcontext()


def call(module: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Run a row's module: a single map is passed as it is, several as a list."""
    return cast("torch.Tensor", module(inputs[0] if len(inputs) == 1 else list(inputs)))
