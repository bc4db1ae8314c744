"""Runtimes that read ONNX files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import nn

from nas.latency.runtimes.base import Prepared, Runtime
from nas.latency.runtimes.measure import SESSIONS, Ends, Session

OPSET = 17
"""Fixed, so that a new exporter default does not silently change what is measured."""


class OnnxFileRuntime(Runtime):
    """Exports a module to ONNX and times the file in the session of its name (`nas.latency.runtimes.measure.SESSIONS`)."""

    session: ClassVar[type[Session]]

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        return self.load(export(module, inputs), inputs, (True, True))

    def prepare_row(self, module: nn.Module, inputs: Sequence[torch.Tensor], ends: Ends) -> Prepared:
        return self.load(export(module, inputs), inputs, ends)

    def load(self, file: bytes, inputs: Sequence[torch.Tensor], ends: Ends) -> Prepared:
        """A file that was exported, ready to run; ``ends`` as in `prepare_row`, both for a whole detector."""
        return self.session(file, [x.numpy() for x in inputs], self.threads, ends)

    def fingerprint(self) -> dict[str, str | int]:
        export = f"TorchScript, opset {OPSET}"
        return {**self.session.fingerprint(), "precision": self.precision, "threads": self.threads, "export": export}


class OnnxRuntime(OnnxFileRuntime):
    """onnxruntime on the CPU, float32."""

    name = "onnxruntime"
    session = SESSIONS["onnxruntime"]
    packages = ("onnx", "onnxruntime")
    install = "pip install 'pareto-yolo[onnx]'"


class OpenVINORuntime(OnnxFileRuntime):
    """OpenVINO on the CPU, float32."""

    name = "openvino"
    session = SESSIONS["openvino"]
    packages = ("openvino", "onnx")
    install = "pip install 'pareto-yolo[openvino]'"


def export(
    module: nn.Module, inputs: Sequence[torch.Tensor], names: Sequence[str] = (), outputs: Sequence[str] = ()
) -> bytes:
    """The ONNX model of a module with fixed input shapes, by torch's TorchScript exporter, the one that the trainers'
    `yolo export` uses. Inputs are called x0, x1, ... unless ``names`` say otherwise, and ``outputs`` by number."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The head keeps its grid from one call to the next, which the tracer reports as a constant: it is meant to be.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        # The older exporter is what the deployment path uses.
        warnings.simplefilter("ignore", DeprecationWarning)
        arguments = (inputs[0] if len(inputs) == 1 else list(inputs),)
        called = list(names) or [f"x{i}" for i in range(len(inputs))]
        # Its annotation lists paths only, but this exporter writes to buffers as well.
        target = cast(Any, buffer)
        torch.onnx.export(
            module,
            arguments,
            target,
            input_names=called,
            output_names=list(outputs) or None,
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()
