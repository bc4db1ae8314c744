"""onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnxruntime
import torch
from torch import nn

from nas.runtimes._base import Prepared, Runtime
from nas.runtimes._clock import clock
from nas.runtimes._onnx import OPSET, export

PROVIDER = "CPUExecutionProvider"


class OnnxRuntime(Runtime):
    """CPU provider, all graph optimisations, sequential, inputs and outputs bound to buffers."""

    name = "onnxruntime"

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        session = onnxruntime.InferenceSession(export(module, inputs), self._options(), [PROVIDER])
        return _Session(session, inputs, clock(self.threads))

    def _options(self) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        # Spinning is the default that a deployed model runs with. It ends with each run, or else the idle threads of
        # the many sessions alive here would take the cores from the one that is timed.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        return options

    def fingerprint(self) -> dict[str, str | int]:
        return {
            "runtime": self.name,
            "version": onnxruntime.__version__,
            "options": f"{PROVIDER}, ORT_ENABLE_ALL, sequential, spinning within a run, opset {OPSET}",
            "precision": "float32",
            "threads": self.threads,
        }


class _Session:
    def __init__(
        self, session: onnxruntime.InferenceSession, inputs: Sequence[torch.Tensor], clock: Callable[[], float]
    ):
        self.session, self.clock = session, clock
        self.inputs = [onnxruntime.OrtValue.ortvalue_from_numpy(x.contiguous().numpy()) for x in inputs]
        feed = dict(zip([i.name for i in session.get_inputs()], self.inputs, strict=True))
        names = [o.name for o in session.get_outputs()]
        self.results = session.run_with_ort_values(names, feed)
        # Bound buffers: a run then neither allocates its outputs nor copies them into Python.
        self.binding = session.io_binding()
        for name, value in feed.items():
            self.binding.bind_ortvalue_input(name, value)
        for name, value in zip(names, self.results, strict=True):
            self.binding.bind_ortvalue_output(name, value)
        self.run = session.run_with_iobinding

    def seconds(self) -> float:
        start = self.clock()
        self.run(self.binding)
        return self.clock() - start

    def outputs(self) -> list[torch.Tensor]:
        self.run(self.binding)
        return [torch.from_numpy(value.numpy().copy()) for value in self.results]
