"""Time of each row inside a complete detector, from the runtime's own profile of its nodes.

The exporter's node names contain the module: ``/model.3/conv/Conv`` belongs to row 3. A node without such a name
belongs to the row of the next node that has one; after the last such node, to that node's row. In onnxruntime these are
reorders for the node that reads them; in OpenVINO they are splits inside a row.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from torch import nn

from nas.detectors.rows import Detector
from nas.latency.modules import end_to_end
from nas.latency.runtimes.measure import OnnxSession, OpenVINORequest, clock
from nas.latency.runtimes.onnx_runtimes import export
from nas.latency.runtimes.registry import choose

WARM_UP = 2
GROUP = 8
"""Runs of OpenVINO on one compiled model. Each run adds half a microsecond to the rounding error of the last."""


class Node(NamedTuple):
    """A node of a graph that ran, and its time."""

    name: str
    seconds: float


def row_seconds(runtime_name: str, detector: Detector, imgsz: int, threads: int, runs: int) -> list[float]:
    """Seconds of each row for one image, the median over ``runs``.

    With one thread, torch's seconds are the thread's computing time. The others are elapsed time, so the machine
    must be quiet.
    """
    profile = {"onnxruntime": _onnxruntime, "openvino": _openvino, "torch": _torch}[runtime_name]
    taken = profile(detector, imgsz, threads, WARM_UP + runs)[WARM_UP:]
    return [median(of_row) for of_row in zip(*taken, strict=True)]


def by_row(nodes: Sequence[Node], rows: int) -> list[float]:
    """Seconds of each row, from nodes in the order in which they ran."""
    seconds, waiting, last = [0.0] * rows, 0.0, None
    for node in nodes:
        waiting += node.seconds
        found = re.search(r"/model\.(\d+)/", node.name)
        if found is not None:
            last = int(found[1])
            seconds[last] += waiting
            waiting = 0.0
    if last is None:
        raise ValueError(f"no node names its row; the first is {nodes[0].name if nodes else 'missing'}")
    seconds[last] += waiting
    return seconds


def _onnxruntime(detector: Detector, imgsz: int, threads: int, runs: int) -> list[list[float]]:
    import onnxruntime

    module, inputs = end_to_end(detector, imgsz)
    with tempfile.TemporaryDirectory() as folder:
        options = OnnxSession.options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(export(module, inputs), options, ["CPUExecutionProvider"])
        feed = {i.name: x.numpy() for i, x in zip(session.get_inputs(), inputs, strict=True)}
        for _ in range(runs):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    starts = sorted(event["ts"] for event in events if event["name"] == "model_run")
    taken: list[list[Node]] = [[] for _ in starts]
    for event in sorted((e for e in events if e["cat"] == "Node"), key=lambda e: e["ts"]):
        run = int(np.searchsorted(starts, event["ts"], side="right")) - 1
        taken[run].append(Node(event["name"], event["dur"] / 1e6))
    assert len(taken) == runs and len({len(nodes) for nodes in taken}) == 1
    return [by_row(nodes, len(detector.rows)) for nodes in taken]


def _openvino(detector: Detector, imgsz: int, threads: int, runs: int) -> list[list[float]]:
    import openvino

    module, inputs = end_to_end(detector, imgsz)
    core = openvino.Core()
    model = core.read_model(export(module, inputs))
    taken: list[list[float]] = []
    while len(taken) < runs:
        options = {**OpenVINORequest.options(threads), "PERF_COUNT": True}
        request = core.compile_model(model, "CPU", options).create_infer_request()
        for index, x in enumerate(inputs):
            request.set_input_tensor(index, openvino.Tensor(np.ascontiguousarray(x.numpy())))
        before: list[float] = []
        for count in range(1, GROUP + 1):
            request.infer()
            executed = [i for i in request.get_profiling_info() if i.status == openvino.ProfilingInfo.Status.EXECUTED]
            # The plugin gives the mean over all runs since compilation, in full microseconds.
            passed = [count * i.real_time.total_seconds() for i in executed]
            if before:
                pairs = zip(executed, passed, before, strict=True)
                nodes = [Node(i.node_name, now - then) for i, now, then in pairs]
                taken.append(by_row(nodes, len(detector.rows)))
            before = passed
    return taken[:runs]


def _torch(detector: Detector, imgsz: int, threads: int, runs: int) -> list[list[float]]:
    module, inputs = end_to_end(detector, imgsz)
    now, readings = clock(threads), list[tuple[float, float]]()
    started = 0.0

    def before(*_: object) -> None:
        nonlocal started
        started = now()

    def after(*_: object) -> None:
        readings.append((started, now()))

    rows: nn.ModuleList = module.model  # type: ignore[assignment]
    for row in rows:
        row.register_forward_pre_hook(before)
        row.register_forward_hook(after)
    runtime = choose("torch", threads=threads)
    prepared = runtime.prepare(module, inputs)
    taken = []
    with runtime.measuring():
        for _ in range(runs):
            readings.clear()
            prepared.seconds()
            taken.append([end - start for start, end in readings])
    return taken
