"""Eager torch, on the CPU or on a CUDA GPU."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from nas.errors import TableError
from nas.latency.runtimes.base import Array, Prepared, Runtime, call
from nas.latency.runtimes.measure import clock

WARM_UP = 3
"""Number of runs in `TorchRuntime.prepare` on a GPU. cuDNN tries its algorithms in the first."""
Stopwatch = Callable[[Callable[[], object]], float]
"""Runs something and returns the time in seconds."""


class TorchRuntime(Runtime):
    """Modules in inference mode: float32 on the CPU, float32 or float16 on a CUDA GPU.

    The memory layout depends on device and precision. On the CPU it is channels last, which was faster for yolov8n and
    members of its space with one and two threads on a Xeon with AVX-512. On a GPU, where nothing was measured yet, it
    is channels last for float16, as torch recommends for tensor cores, and NCHW for float32. cuDNN picks
    its algorithms by trying (``cudnn.benchmark``), and float32 convolutions may use TF32, torch's default.

    Raises:
        TableError: Torch does not see the GPU.
    """

    name = "torch"
    supported: ClassVar[Mapping[str, tuple[str, ...]]] = {"cpu": ("float32",), "cuda": ("float32", "float16")}

    def __init__(self, threads: int = 1, device: str = "cpu", precision: str = "float32"):
        super().__init__(threads, device, precision)
        self._on = _find(device)
        last = self._on.type == "cpu" or precision == "float16"
        self._layout = torch.channels_last if last else torch.contiguous_format

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        dtype = getattr(torch, self.precision)
        there = copy.deepcopy(module).to(self._on, dtype)
        there = there.to(memory_format=self._layout)  # type: ignore[call-overload]  # documented, not annotated
        own = [self._laid_out(x.to(self._on, dtype, copy=True)) for x in inputs]
        if self._on.type == "cpu":
            return _Eager(lambda: call(there, own), clocked(clock(self.threads)), self.measuring)
        prepared = _Eager(lambda: call(there, own), by_events(self._on), self.measuring)
        for _ in range(WARM_UP):
            prepared.outputs()
        return prepared

    def fingerprint(self) -> dict[str, str | int]:
        layout = "channels last" if self._layout is torch.channels_last else "NCHW"
        common: dict[str, str | int] = {
            "runtime": self.name,
            "version": torch.__version__,
            "precision": self.precision,
            "threads": self.threads,
        }
        if self._on.type == "cpu":
            return {**common, "options": f"eager, inference mode, {layout}"}
        return {
            **common,
            "options": f"eager, inference mode, {layout}, cudnn.benchmark, TF32 convolutions, CUDA events",
            "cuda": str(torch.version.cuda),
            "cudnn": str(torch.backends.cudnn.version()),
        }

    def device(self) -> dict[str, str]:
        if self._on.type == "cpu":
            return super().device()
        # The processor stays part of it: it starts the kernels, and a small model waits for that.
        return {**super().device(), "device": "cuda", "gpu": torch.cuda.get_device_name(self._on)}

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode(), self._cudnn():
                yield
        finally:
            torch.set_num_threads(before)

    def _cudnn(self) -> contextlib.AbstractContextManager[None]:
        if self._on.type == "cpu":
            return contextlib.nullcontext()
        return torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=True)

    def _laid_out(self, x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=self._layout) if x.dim() == 4 else x.contiguous()


class _Eager:
    def __init__(
        self,
        run: Callable[[], torch.Tensor],
        stopwatch: Stopwatch,
        measuring: Callable[[], contextlib.AbstractContextManager[None]],
    ):
        self._run, self._stopwatch, self._measuring = run, stopwatch, measuring

    def seconds(self) -> float:
        return self._stopwatch(self._run)

    def outputs(self) -> list[Array]:
        with self._measuring():
            return [self._run().float().cpu().numpy().copy(order="C")]


def clocked(clock: Callable[[], float]) -> Stopwatch:
    """A stopwatch on a system clock, for work that is done when the call returns."""

    def seconds(run: Callable[[], object]) -> float:
        start = clock()
        run()
        return clock() - start

    return seconds


def by_events(device: torch.device) -> Stopwatch:
    """A stopwatch on CUDA events, for work that is only queued when the call returns.

    It measures from the moment at which an idle GPU receives the first kernel to the end of the last one.
    """
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def seconds(run: Callable[[], object]) -> float:
        stream = torch.cuda.current_stream(device)
        torch.cuda.synchronize(device)
        start.record(stream)
        run()
        end.record(stream)
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3  # milliseconds

    return seconds


def _find(device: str) -> torch.device:
    """The torch device of ``cpu``, ``cuda`` or ``cuda:N``, if it exists."""
    if device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        built = torch.version.cuda
        problem, hint = (
            (f"torch {torch.__version__} is built for the CPU only", "install a CUDA build (pytorch.org/get-started)")
            if built is None
            else (f"torch {torch.__version__} (CUDA {built}) sees no GPU", "check that nvidia-smi lists it")
        )
        raise TableError(problem, field="device", value=device, hint=f"{hint}, or give cpu")
    number = re.fullmatch(r"cuda(?::(\d+))?", device)
    if number is None or int(number[1] or 0) >= torch.cuda.device_count():
        known = ", ".join(f"cuda:{n}" for n in range(torch.cuda.device_count()))
        raise TableError("no such GPU", field="device", value=device, hint=f"torch sees {known}")
    return torch.device("cuda", int(number[1] or 0))
