"""ONNX by torch's TorchScript exporter, the one that the trainers' `yolo export` uses."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn

OPSET = 17
"""Fixed, so that a new exporter default does not silently change what is measured."""


def export(module: nn.Module, inputs: Sequence[torch.Tensor]) -> bytes:
    """The ONNX model of a module with fixed input shapes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The head keeps its grid from one call to the next, which the tracer reports as a constant: it is meant to be.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        # The older exporter is what the deployment path uses.
        warnings.simplefilter("ignore", DeprecationWarning)
        arguments = (inputs[0] if len(inputs) == 1 else list(inputs),)
        names = [f"x{i}" for i in range(len(inputs))]
        # Its annotation lists paths only, but this exporter writes to buffers as well.
        target = cast(Any, buffer)
        torch.onnx.export(module, arguments, target, input_names=names, opset_version=OPSET, dynamo=False)
    return buffer.getvalue()
