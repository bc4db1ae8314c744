"""Runtimes that read ONNX files, and the export to ONNX."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from nas.installation import install_command
from nas.latency.reference import reference_file, reference_input
from nas.latency.runtimes.base import Array, Prepared, Runtime
from nas.latency.runtimes.measure import SESSIONS, Ends, Session

if TYPE_CHECKING:
    import torch
    from torch import nn

OPSET = 17
"""ONNX opset. It is fixed, so that a new default of the exporter does not change what is measured."""


class OnnxFileRuntime(Runtime):
    """Exports a module to ONNX and times the file in a session, see `nas.latency.runtimes.measure.SESSIONS`."""

    session: ClassVar[type[Session]]

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        return self.load(export(module, inputs), [x.numpy() for x in inputs], (True, True))

    def prepare_row(self, module: nn.Module, inputs: Sequence[torch.Tensor], ends: Ends) -> Prepared:
        return self.load(export(module, inputs), [x.numpy() for x in inputs], ends)

    def prepare_reference(self) -> Prepared:
        return self.load(reference_file("reference"), [reference_input("reference")], (True, True))

    def prepare_nothing(self) -> Prepared:
        return self.load(reference_file("nothing"), [reference_input("nothing")], (True, True))

    def load(self, file: bytes, inputs: Sequence[Array], ends: Ends) -> Prepared:
        """Prepare an ONNX file.

        Args:
            file: The exported model.
            inputs: Its inputs (N, C, H, W), float32.
            ends: As for `prepare_row`; both True for a detector.
        """
        return self.session(file, inputs, self.threads, ends, self.precision)

    def fingerprint(self) -> dict[str, str | int]:
        exporter = f"TorchScript, opset {OPSET}"
        return {**self.session.fingerprint(), "precision": self.precision, "threads": self.threads, "export": exporter}


class OnnxRuntime(OnnxFileRuntime):
    """onnxruntime on the CPU, float32."""

    name = "onnxruntime"
    session = SESSIONS["onnxruntime"]
    packages = ("onnx", "onnxruntime")
    install = install_command("onnx")


class OpenVINORuntime(OnnxFileRuntime):
    """OpenVINO on the CPU: float32, and bfloat16 or float16 on processors that compute in them."""

    name = "openvino"
    session = SESSIONS["openvino"]
    supported: ClassVar[Mapping[str, tuple[str, ...]]] = {"cpu": ("float32", "bfloat16", "float16")}
    packages: ClassVar[tuple[str, ...]] = ("openvino", "onnx")
    install = install_command("openvino")

    def refusal(self) -> str:
        return openvino_refusal(self.precision)


OPENVINO_CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}
"""Names of precisions in the CPU plugin's ``OPTIMIZATION_CAPABILITIES``."""


def openvino_refusal(precision: str) -> str:
    """The reason why OpenVINO does not compute in a precision on this processor; empty if it does."""
    if precision not in OPENVINO_CAPABILITIES:
        return ""
    import openvino

    if OPENVINO_CAPABILITIES[precision] in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return ""
    return f"OpenVINO computes {precision} in float32 on this processor"


def export(
    module: nn.Module, inputs: Sequence[torch.Tensor], names: Sequence[str] = (), outputs: Sequence[str] = ()
) -> bytes:
    """Export a module to ONNX with fixed input shapes.

    Torch's TorchScript exporter writes it, as in the trainers' `yolo export`.

    Args:
        module: The module.
        inputs: Its inputs.
        names: Names of the inputs; x0, x1, ... by default.
        outputs: Names of the outputs; numbers by default.

    Returns:
        The ONNX file.
    """
    import torch

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The head keeps its grid between calls, which the tracer reports as a constant. That is intended.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        # The deployment path uses the older exporter.
        warnings.simplefilter("ignore", DeprecationWarning)
        # It says so of strided slices, which it does not fold.
        warnings.filterwarnings("ignore", message="Constant folding")
        arguments = (inputs[0] if len(inputs) == 1 else list(inputs),)
        # The annotation allows paths only, but this exporter also writes to buffers.
        target = cast(Any, buffer)
        torch.onnx.export(
            module,
            arguments,
            target,
            input_names=list(names) or [f"x{i}" for i in range(len(inputs))],
            output_names=list(outputs) or None,
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()
