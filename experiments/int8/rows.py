"""Sums of rows quantized one by one, against quantized detectors; writes results/rows-RUNTIME.csv.

A row is exported, quantized with random maps and run alone. Its time leaves out the share of the nodes that convert
its inputs and outputs between float and int8 and between layouts, by the runtime's profile: inside a quantized
detector, its neighbors hand over int8 in the runtime's own layout. The decoding of the head stays in float.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from nas.detectors.rows import ResolvedRow
from nas.latency.modules import build, end_to_end, ends
from nas.latency.runtimes.measure import SESSIONS, Ends, OnnxSession
from nas.latency.runtimes.onnx_runtimes import export
from nas.quantization.base import Array
from nas.quantization.calibration import random_images
from nas.quantization.onnx_graph import read_graph
from nas.quantization.registry import choose_conversion
from nas.spaces.space import load_space

RESULTS = Path(__file__).with_name("results")
CALIBRATION = 4
CONVERSIONS = {"QuantizeLinear", "DequantizeLinear", "Transpose", "Reorder", "Quantize", "FakeQuantize", "Convert"}
"""Kinds of nodes that convert, in onnxruntime's and OpenVINO's profile."""


class Row(nn.Module):
    """A row whose nodes are named after row 0, as in a detector."""

    def __init__(self, row: nn.Module):
        super().__init__()
        self.model = nn.ModuleList([row])

    def forward(self, maps: Any) -> Any:
        return self.model[0](maps)


def key(row: ResolvedRow) -> tuple[Any, ...]:
    return (row.row.module, row.row.repeats, row.row.args, row.inputs, ends(row))


def quantized(row: ResolvedRow, runtime: str) -> Any:
    """The row's model in the form of its runtime."""
    module, inputs = build(row)
    content = export(Row(module), inputs)
    draws = [
        torch.randn(CALIBRATION, *x.shape, generator=torch.Generator().manual_seed(n)) for n, x in enumerate(inputs)
    ]
    feeds = [{f"x{n}": draws[n][k].numpy() for n in range(len(inputs))} for k in range(CALIBRATION)]
    floats = read_graph(onnx.load_from_string(content)).decoding if row.row.operator.is_head else ()
    return (_onnxruntime if runtime == "onnxruntime" else _openvino)(content, feeds, floats)


def _onnxruntime(content: bytes, feeds: list[dict[str, Array]], floats: Sequence[str]) -> bytes:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.feeds = iter(feeds)

        def get_next(self) -> dict[str, Array] | None:
            return next(self.feeds, None)

    with tempfile.TemporaryDirectory() as folder:
        prepared, result = Path(folder) / "p.onnx", Path(folder) / "q.onnx"
        model = onnx.load_from_string(content)
        # Its optimization fails on a model without weights, such as a Concat.
        optimized = bool(model.graph.initializer)
        quant_pre_process(model, prepared, skip_symbolic_shape=True, skip_optimization=not optimized)
        quantize_static(
            prepared,
            result,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(floats),
            extra_options={"ForceQuantizeNoInputCheck": True},  # a Concat alone is quantized too
        )
        return result.read_bytes()


def _openvino(content: bytes, feeds: list[dict[str, Array]], floats: Sequence[str]) -> tuple[bytes, bytes]:
    import nncf

    from nas.quantization.openvino_files import _fused, _quiet, _serialized

    model = _fused(content)
    names = [op.get_friendly_name() for op in model.get_ordered_ops()]
    ignored = [name for name in names if name in floats or name.rpartition("/")[0] in floats]
    with _quiet():
        result = nncf.quantize(
            model,
            nncf.Dataset(feeds),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(feeds),
            ignored_scope=nncf.IgnoredScope(names=ignored, validate=False),
        )
    return tuple(_serialized(result).values())  # type: ignore[return-value]


def profile(model: Any, inputs: list[Array], runtime: str) -> list[tuple[str, str, float]]:
    """Name, kind and median time in us of each node, in the order in which they run."""
    if runtime == "onnxruntime":
        import onnxruntime

        options = OnnxSession.options(1)
        options.enable_profiling = True
        with tempfile.TemporaryDirectory() as folder:
            options.profile_file_prefix = f"{folder}/profile"
            session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
            feed = {i.name: x for i, x in zip(session.get_inputs(), inputs, strict=True)}
            for _ in range(12):
                session.run(None, feed)
            events = json.loads(Path(session.end_profiling()).read_text())
        times = defaultdict(list)
        for event in events:
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                times[event["name"].removesuffix("_kernel_time"), event["args"]["op_name"]].append(event["dur"])
        return [(name, kind, float(np.median(found))) for (name, kind), found in times.items()]
    session = SESSIONS["openvino"](model, inputs, 1, (False, False))
    for _ in range(12):
        session.outputs()
    request = session._request  # type: ignore[attr-defined]
    return [
        (node.node_name, node.node_type, node.real_time.total_seconds() * 1e6)
        for node in request.get_profiling_info()
        if node.real_time.total_seconds() > 0
    ]


def inner_share(nodes: Sequence[tuple[str, str, float]], of_ends: Ends) -> float:
    """Share of the nodes that run inside a detector too: without conversions at inner ends."""
    total = sum(us for _, _, us in nodes)
    first = next((n for n, (_, kind, _) in enumerate(nodes) if kind not in CONVERSIONS), 0)
    last = max((n for n, (_, kind, _) in enumerate(nodes) if kind not in CONVERSIONS), default=len(nodes))
    left = sum(
        us
        for n, (_, kind, us) in enumerate(nodes)
        if kind in CONVERSIONS and ((n < first and not of_ends[0]) or (n > last and not of_ends[1]))
    )
    return 1 - left / total if total else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", default="onnxruntime", choices=["onnxruntime", "openvino"])
    parser.add_argument("--models", type=int, default=6)
    parser.add_argument("--imgsz", type=int, default=256)
    options = parser.parse_args()
    space, random = load_space("yolov8n"), np.random.default_rng(0)
    members = [space.stock(), *(space.random(random) for _ in range(options.models - 1))]
    conversion = choose_conversion(options.runtime, "int8")
    session_of, sessions, shares = SESSIONS[options.runtime], {}, {}
    detectors = [member.detector(3) for member in members]
    complete = []
    for detector in detectors:
        module, (image,) = end_to_end(detector, options.imgsz)
        file = conversion.convert(export(module, [image]), random_images(options.imgsz))
        complete.append(file.session(image.numpy()))
        for row in detector.resolve(options.imgsz):
            if key(row) not in sessions:
                model, inputs = quantized(row, options.runtime), [x.numpy() for x in build(row)[1]]
                shares[key(row)] = inner_share(profile(model, inputs, options.runtime), ends(row))
                sessions[key(row)] = session_of(model, inputs, 1)
        print(f"{len(complete)} models, {len(sessions)} rows", flush=True)
    everything = [*complete, *sessions.values()]
    times: list[list[float]] = [[] for _ in everything]
    for number in range(30):
        for index in range(len(everything)) if number % 2 else reversed(range(len(everything))):
            times[index].append(min(everything[index].seconds() for _ in range(3)))
    ms = [float(np.quantile(found, 0.25)) * 1e3 for found in times]
    alone = dict(zip(sessions, ms[len(complete) :], strict=True))
    rows = []
    for member, detector, whole in zip(members, detectors, ms, strict=False):
        keys = [key(row) for row in detector.resolve(options.imgsz)]
        rows.append(
            {
                "arch": str(member),
                "complete_ms": f"{whole:.3f}",
                "rows_over_complete": f"{sum(alone[k] * shares[k] for k in keys) / whole:.4f}",
                "rows_with_conversions_over_complete": f"{sum(alone[k] for k in keys) / whole:.4f}",
            }
        )
        print(rows[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"rows-{options.runtime}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
