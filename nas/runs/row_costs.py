"""rows.csv: what every row of every finalist costs, kept in the run so that its table need not be there any more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nas.detectors.costs import row_cost
from nas.detectors.rows import Detector, resolved
from nas.detectors.templates import TEMPLATES
from nas.files import write
from nas.objectives.target import Target
from nas.runs.finalists import Finalist
from nas.spaces.architecture import Architecture, decode


def write_rows(run: Path, finalists: Sequence[Finalist], target: Target) -> None:
    """Write rows.csv: a line a row, by architecture. ``latency_ms`` is the row's share of the predicted latency, which
    the call's own cost completes; ``part`` is the stage that it belongs to, or stem, tail (of the backbone), neck,
    head."""
    lines = [line for finalist in finalists for line in _rows(finalist, target)]
    write(run / "rows.csv", pd.DataFrame(lines).to_csv(index=False))


def _rows(finalist: Finalist, target: Target) -> list[dict[str, Any]]:
    member = decode(finalist.arch)
    detector = target.detector(member)
    parts = part_names(member, detector)
    latencies = target.table.predict(detector, finalist.imgsz).rows
    return [
        {
            "arch": finalist.arch,
            "row": row.index,
            "part": part,
            "module": row.row.module,
            "repeats": row.row.repeats,
            "args": ", ".join(map(str, row.row.args)),
            # A head's output is no map: it has no height and width.
            "output": "x".join(map(str, row.call.output if part != "head" else row.call.output[:2])),
            "latency_ms": latency,
            **row_cost(row)._asdict(),
        }
        for row, part, latency in zip(resolved(detector, finalist.imgsz), parts, latencies, strict=True)
    ]


def part_names(member: Architecture, detector: Detector) -> list[str]:
    """By row, which part of the detector it belongs to; a stage's are its convolution and its block, and in a neck that
    is not the template's own what is between them."""
    ends = {name: TEMPLATES[member.template].stage_rows(name) for name in member.spelled}
    of = {row: name for name, (first, last) in ends.items() for row in range(first, last + 1)}
    tail = ["tail" if index < detector.backbone else "neck" for index in range(len(detector.rows))]
    return ["stem", *(of.get(index, tail[index]) for index in range(1, len(tail) - 1)), "head"]
