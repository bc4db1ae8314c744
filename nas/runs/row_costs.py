"""rows.csv: costs of every row of every finalist, stored in the run, so that its table may disappear."""

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
    """Write rows.csv: a line for each row of each architecture.

    ``latency_ms`` is the row's share of the predicted latency, without the overhead of a call. ``part`` is the stage
    that it belongs to, or stem, tail (of the backbone), neck or head.

    Args:
        run: The run directory.
        finalists: The detectors.
        target: The deployment target.
    """
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
            # The output of a head has no height and width.
            "output": "x".join(map(str, row.call.output if part != "head" else row.call.output[:2])),
            "latency_ms": latency,
            **row_cost(row)._asdict(),
        }
        for row, part, latency in zip(resolved(detector, finalist.imgsz), parts, latencies, strict=True)
    ]


def part_names(member: Architecture, detector: Detector) -> list[str]:
    """The part of the detector that each row belongs to: stem, a stage, tail, neck or head.

    A stage consists of its convolution and its block; in a searched neck also of the rows between them.
    """
    ends = {name: TEMPLATES[member.template].stage_rows(name) for name in member.spelled}
    stages = {row: name for name, (first, last) in ends.items() for row in range(first, last + 1)}
    tail = ["tail" if index < detector.backbone else "neck" for index in range(len(detector.rows))]
    return ["stem", *(stages.get(index, tail[index]) for index in range(1, len(tail) - 1)), "head"]
