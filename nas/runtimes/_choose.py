"""Which runtimes there are, and which one a person asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from nas.errors import InputError
from nas.runtimes._base import Runtime


def _require(runtime: str, extra: str, *packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise InputError(f"--runtime {runtime}: {package} is not installed; run pip install 'pareto-yolo[{extra}]'")


def _torch(threads: int) -> Runtime:
    from nas.runtimes._torch import TorchRuntime

    return TorchRuntime(threads)


def _onnxruntime(threads: int) -> Runtime:
    _require("onnxruntime", "onnx", "onnx", "onnxruntime")
    from nas.runtimes._onnxruntime import OnnxRuntime

    return OnnxRuntime(threads)


def _openvino(threads: int) -> Runtime:
    _require("openvino", "openvino", "onnx", "openvino")
    from nas.runtimes._openvino import OpenVINORuntime

    return OpenVINORuntime(threads)


def _fake(threads: int) -> Runtime:
    from nas.runtimes._fake import FakeRuntime

    return FakeRuntime(threads)


RUNTIMES: dict[str, Callable[[int], Runtime]] = {
    "torch": _torch,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "fake": _fake,
}
"""By name, what makes one for a number of threads; a runtime's package is imported then."""


def choose(name: str = "auto", device: str = "cpu", threads: int = 1) -> Runtime:
    """The runtime to measure with; ``auto`` takes onnxruntime where it is installed, else torch.

    Raises InputError for a device that cannot be measured, an unknown runtime, a number of threads below one, or a
    package that is not installed.
    """
    if device != "cpu":
        raise InputError(f"--device {device}: cannot be measured yet; give cpu")
    if threads < 1:
        raise InputError(f"--threads {threads}: must be at least 1")
    if name == "auto":
        installed = all(importlib.util.find_spec(package) for package in ("onnx", "onnxruntime"))
        name = "onnxruntime" if installed else "torch"
    if name not in RUNTIMES:
        raise InputError(f"--runtime {name}: no such runtime; known are auto, {', '.join(RUNTIMES)}")
    return RUNTIMES[name](threads)
