"""Registry of conversions, and the choice of one."""

from __future__ import annotations

import importlib
import importlib.util

from nas.errors import ConfigError
from nas.installation import install_command
from nas.quantization.base import Conversion

_OPENVINO = "nas.quantization.openvino_files:OpenVINOFile"
CONVERSIONS: dict[tuple[str, str], str] = {
    ("onnxruntime", "float32"): "nas.quantization.onnxruntime_files:OnnxFile",
    ("onnxruntime", "int8"): "nas.quantization.onnxruntime_files:OnnxInt8",
    ("openvino", "float32"): _OPENVINO,
    ("openvino", "float16"): _OPENVINO,
    ("openvino", "bfloat16"): _OPENVINO,
    ("openvino", "int8"): "nas.quantization.openvino_files:OpenVINOInt8",
}
"""Import strings of the conversions by runtime and precision."""


def choose_conversion(runtime: str, precision: str) -> Conversion:
    """The conversion for a runtime and a precision.

    Args:
        runtime: The runtime's name.
        precision: The precision.

    Raises:
        ConfigError: There is none, a package is not installed, or the processor does not compute in the precision.
    """
    runtimes = list(dict.fromkeys(name for name, _ in CONVERSIONS))
    if runtime not in runtimes:
        hint = f"give {' or '.join(runtimes)}"
        raise ConfigError("no files are written for this runtime", field="runtime", value=runtime, hint=hint)
    precisions = [known for name, known in CONVERSIONS if name == runtime]
    if precision not in precisions:
        problem, hint = f"{runtime} deploys {', '.join(precisions)}", f"give {' or '.join(precisions)}"
        raise ConfigError(problem, field="precision", value=precision, hint=hint)
    module, _, name = CONVERSIONS[runtime, precision].partition(":")
    found: type[Conversion] = getattr(importlib.import_module(module), name)
    for package in found.packages:
        if importlib.util.find_spec(package) is None:
            problem = f"{package} is not installed, which `precision={precision}` needs"
            raise ConfigError(problem, field="runtime", value=runtime, hint=f"run {install_command(found.extra)}")
    conversion = found(precision)
    if problem := conversion.refusal():
        raise ConfigError(problem, field="precision", value=precision, hint="give float32 or int8")
    return conversion
