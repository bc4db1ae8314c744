"""Which runtimes there are, and which one a person asked for."""

from __future__ import annotations

import importlib.util

from nas.errors import InputError
from nas.imports import import_own
from nas.latency.runtimes.base import Runtime

RUNTIMES: dict[str, str] = {
    "torch": "nas.latency.runtimes.torch_runtime:TorchRuntime",
    "onnxruntime": "nas.latency.runtimes.onnx_runtimes:OnnxRuntime",
    "openvino": "nas.latency.runtimes.onnx_runtimes:OpenVINORuntime",
    "fake": "nas.latency.runtimes.fake:FakeRuntime",
}
"""By name, the import string of what makes one."""


def choose(name: str = "auto", device: str = "cpu", threads: int = 1, precision: str = "float32") -> Runtime:
    """The runtime to measure with, on ``device``: cpu, cuda or cuda:N.

    ``name`` is one of `RUNTIMES`, or module:Class for a runtime of one's own, looked up in the working directory too;
    ``auto`` takes onnxruntime on the CPU where it is installed, else torch. Raises InputError for an unknown runtime, a
    package that is not installed, a device or a precision that it does not run, or a number of threads below one.
    """
    if threads < 1:
        raise InputError(f"--threads {threads}: must be at least 1")
    if name == "auto":
        name = "onnxruntime" if device == "cpu" and not _missing(find("onnxruntime")) else "torch"
    runtime = find(name)
    if missing := _missing(runtime):
        mend = f"run {runtime.install}" if runtime.install else "install it"
        raise InputError(f"--runtime {name}: {missing[0]} is not installed; {mend}")
    kind = device.partition(":")[0]
    if kind not in runtime.supported or (kind == "cpu" and device != kind):
        kinds = " or ".join(runtime.supported)
        other = "" if "cuda" in runtime.supported or kind != "cuda" else ", or --runtime torch"
        raise InputError(f"--device {device}: cannot be measured with the runtime {name}; give {kinds}{other}")
    if precision not in runtime.supported[kind]:
        precisions = " or ".join(runtime.supported[kind])
        raise InputError(f"--precision {precision}: the runtime {name} measures {precisions} on {kind}; give that")
    chosen = runtime(threads, device, precision)
    chosen.name = name
    return chosen


def find(name: str) -> type[Runtime]:
    """The class of a runtime by its name or import string; raises InputError where there is none."""
    if name not in RUNTIMES and ":" not in name:
        known = ", ".join(RUNTIMES)
        raise InputError(f"--runtime {name}: no such runtime; known are auto, {known}, and your own as module:Class")
    module_name, _, class_name = RUNTIMES.get(name, name).partition(":")
    module = import_own(module_name, f"--runtime {name}", "give module:Class")
    found = getattr(module, class_name, None)
    if found is None:
        raise InputError(f"--runtime {name}: {module.__file__} has no class {class_name or 'after the colon'}")
    if not (isinstance(found, type) and issubclass(found, Runtime)):
        raise InputError(f"--runtime {name}: {class_name} is not a subclass of nas.latency.runtimes.Runtime")
    return found


def _missing(runtime: type[Runtime]) -> list[str]:
    return [package for package in runtime.packages if importlib.util.find_spec(package) is None]
