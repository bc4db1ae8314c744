"""Registry of runtimes, and the choice of one."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from typing import TYPE_CHECKING

from nas.errors import TableError
from nas.imports import import_own

if TYPE_CHECKING:
    from nas.latency.runtimes.base import Runtime

RUNTIMES: dict[str, str] = {
    "torch": "nas.latency.runtimes.torch_runtime:TorchRuntime",
    "onnxruntime": "nas.latency.runtimes.onnx_runtimes:OnnxRuntime",
    "openvino": "nas.latency.runtimes.onnx_runtimes:OpenVINORuntime",
    "fake": "nas.latency.runtimes.fake:FakeRuntime",
}
"""Import strings of the runtimes by name."""

END_TO_END: dict[tuple[str, str], str] = {
    ("onnxruntime", "int8"): "nas.quantization.runtimes:Int8OnnxRuntime",
    ("openvino", "int8"): "nas.quantization.runtimes:Int8OpenVINORuntime",
}
"""Import strings of runtimes by name and precision that run complete detectors only, not rows."""


def choose(
    name: str = "auto",
    device: str = "cpu",
    threads: int = 1,
    precision: str = "float32",
    *,
    end_to_end: bool = False,
) -> Runtime:
    """Make the runtime to measure with.

    Args:
        name: A name in `RUNTIMES`, ``module:Class`` for a user's own runtime, which may be in the working directory, or
            ``auto``: onnxruntime on the CPU if it is installed, otherwise torch, with a notice on standard error.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: Threads of the runtime.
        precision: A precision in `Runtime.supported`.
        end_to_end: True if only complete detectors will be run, which allows the precisions in `END_TO_END`.

    Raises:
        TableError: The runtime is unknown or not installed, or does not support the device, the precision or the
            threads.
    """
    if threads < 1:
        raise TableError("must be at least 1", field="threads", value=threads)
    if name == "auto":
        name = "onnxruntime" if device == "cpu" and not _missing(find("onnxruntime")) else "torch"
        if device == "cpu" and name == "torch":
            _say_torch(find("onnxruntime").install)
    runtime = find(END_TO_END.get((name, precision), name) if end_to_end else name)
    if missing := _missing(runtime):
        hint = f"run {runtime.install}" if runtime.install else "install it"
        raise TableError(f"{missing[0]} is not installed", field="runtime", value=name, hint=hint)
    kind = device.partition(":")[0]
    if kind not in runtime.supported or (kind == "cpu" and device != kind):
        kinds = " or ".join(runtime.supported)
        other = "" if "cuda" in runtime.supported or kind != "cuda" else ", or `runtime=torch`"
        problem, hint = f"cannot be measured with the runtime {name}", f"give {kinds}{other}"
        raise TableError(problem, field="device", value=device, hint=hint)
    if precision not in runtime.supported[kind]:
        precisions = " or ".join(runtime.supported[kind])
        problem, hint = f"the runtime {name} measures {precisions} on {kind}", f"give {precisions}"
        raise TableError(problem, field="precision", value=precision, hint=hint)
    chosen = runtime(threads, device, precision)
    chosen.name = name
    if problem := chosen.refusal():
        raise TableError(problem, field="precision", value=precision, hint="give float32")
    return chosen


def find(name: str) -> type[Runtime]:
    """The class of a runtime by its name or import string.

    Raises:
        TableError: There is none.
    """
    from nas.latency.runtimes.base import Runtime

    if name not in RUNTIMES and ":" not in name:
        hint = f"known are auto, {', '.join(RUNTIMES)}, and your own as module:Class"
        raise TableError("no such runtime", field="runtime", value=name, hint=hint)
    module_name, _, class_name = RUNTIMES.get(name, name).partition(":")
    module = import_own(module_name, f"`runtime={name}`", "give module:Class")
    found = getattr(module, class_name, None)
    if found is None:
        missing = f"no class {class_name}" if class_name else "no class after the colon"
        raise TableError(f"{module.__file__} has {missing}", field="runtime", value=name)
    if not (isinstance(found, type) and issubclass(found, Runtime)):
        problem = f"{class_name} is not a subclass of nas.latency.runtimes.Runtime"
        raise TableError(problem, field="runtime", value=name)
    return found


@cache
def _say_torch(install: str) -> None:
    """Say once that ``auto`` is torch on this CPU."""
    text = f"onnxruntime is not installed, so latency is measured in torch; to measure in onnxruntime, run {install}"
    print(f"warning: {text}", file=sys.stderr, flush=True)


def _missing(runtime: type[Runtime]) -> list[str]:
    return [package for package in runtime.packages if importlib.util.find_spec(package) is None]
