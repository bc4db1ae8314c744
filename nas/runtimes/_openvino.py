"""OpenVINO on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import openvino
import torch
from torch import nn

from nas.runtimes._base import Prepared, Runtime
from nas.runtimes._clock import clock
from nas.runtimes._onnx import OPSET, export


class OpenVINORuntime(Runtime):
    """CPU plugin, one stream, float32, synchronous requests on bound inputs."""

    name = "openvino"

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        core = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = core.compile_model(core.read_model(export(module, inputs)), "CPU", options)
        return _Request(compiled, inputs, clock(self.threads))

    def fingerprint(self) -> dict[str, str | int]:
        return {
            "runtime": self.name,
            "version": openvino.__version__,
            "options": f"CPU plugin, one stream, synchronous, opset {OPSET}",
            "precision": "float32",
            "threads": self.threads,
        }


class _Request:
    def __init__(
        self, compiled: openvino.CompiledModel, inputs: Sequence[torch.Tensor], clock: Callable[[], float]
    ) -> None:
        self.clock = clock
        # Shared memory: the arrays have to live as long as the request.
        self.inputs = [openvino.Tensor(x.contiguous().numpy(), shared_memory=True) for x in inputs]
        self.request = compiled.create_infer_request()
        for index, tensor in enumerate(self.inputs):
            self.request.set_input_tensor(index, tensor)
        self.request.infer()

    def seconds(self) -> float:
        start = self.clock()
        # With one thread the request runs in the caller's, so that its clock sees it.
        self.request.infer()
        return self.clock() - start

    def outputs(self) -> list[torch.Tensor]:
        self.request.infer()
        return [torch.from_numpy(tensor.data.copy()) for tensor in self.request.output_tensors]
