"""A finished run that costs nothing: members of a space, latencies and scores made up, files as a search writes
them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from nas.detectors.costs import cost, row_cost
from nas.detectors.rows import Detector
from nas.latency.runtimes.measure import Measurement
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.reports.run_data import RunData, load_run
from nas.runs.finalists import front_of, measure, write_front
from nas.runs.row_costs import write_rows
from nas.runs.trials import TrialRecord
from nas.search.halving import Standing
from nas.spaces.architecture import Architecture
from nas.spaces.space import load_space

NC, OVERHEAD = 3, 0.5


class Table:
    """Latency as a made-up function of the cost, ``slowness`` times as long; measured is 2 % more than predicted."""

    def __init__(self, slowness: float = 1.0, here: bool = True):
        self.slowness, self.here = slowness, here

    def predict(self, detector: Detector, imgsz: int) -> SimpleNamespace:
        rows = [self.slowness * row_cost(row).macs / 1e7 for row in detector.resolve(imgsz)]
        return SimpleNamespace(total_ms=OVERHEAD + sum(rows), rows=rows)

    def measure_wholes(
        self, detectors: Sequence[Detector], sizes: Sequence[int], progress: object
    ) -> list[Measurement]:
        totals = [self.predict(*of).total_ms for of in zip(detectors, sizes, strict=True)]
        return [Measurement(1.02 * ms, 0.01 * ms, 9) for ms in totals]


def score_of(member: Architecture, smallest: int) -> float:
    """Grows with the size, and plain faster blocks are better than their size."""
    plain = sum(choice.family == "faster" and choice.shell == "plain" for choice in member.backbone)
    larger = np.log((member.imgsz or smallest) / smallest)
    return float(0.3 + 0.05 * np.log(cost(member.detector(NC)).params / 1e6) + 0.02 * plain + 0.1 * larger)


def make(
    folder: Path,
    name: str = "tiny",
    *,
    count: int = 20,
    seed: int = 0,
    sizes: tuple[int, ...] = (64,),
    minimise: tuple[str, ...] = ("latency",),
    rungs: int = 1,
    seeds: float = 0.002,
    max_latency: float | None = None,
    slowness: float = 1.0,
    here: bool = True,
    forced: str = "",
    quiet: float = 1.0,
    cards: dict[str, dict[str, float]] | None = None,
) -> RunData:
    """The run in the space ``name``, written and read. ``seeds`` is what its signal says of the spread between seeds;
    the other options are those of a search."""
    space = load_space(name, sizes)
    target = Target(Table(slowness, here), NC, sizes, minimise)  # type: ignore[arg-type]
    rng = np.random.default_rng(seed)
    baselines = [space.stock(), *space.resized(), *space.uniform_replacements()]
    drawn = [space.random(rng) for _ in range(20 * count)]
    members = list(dict.fromkeys([*baselines, *drawn]))[:count]
    rows = [_record(number, member, target) for number, member in enumerate(members)]
    left = replace(rows[-1], score=None, rung=None)
    trials = [
        *rows,
        replace(rows[2 % count], number=count, state="duplicate", rung=None, reason="same as trial 2"),
        replace(left, number=count + 1, state="gated", reason="latency 7.0% over its limit"),
        replace(left, number=count + 2, state="failed", reason="ValueError: <b>broken</b>"),
    ]
    longer = 0.1 * (rungs > 1)
    of = {"sd": 0.004, "n": 2, "test": 0.2} if rungs > 1 else {}
    standings = [Standing(row, (row.score or 0.0) + longer, **of) for row in rows]  # type: ignore[arg-type]
    limits = Limits(max_latency)
    front, stock, others = front_of(measure(standings, rows[0].arch, target, lambda share: None), limits, minimise)
    write_front(folder, front, NC, "AP50-95 (proxy)", forced)
    write_rows(folder, [*front, *others], target)
    (folder / "trials.csv").write_text(table(trials).to_csv(index=False))
    identity = {
        "device": "cpu" if here else "pi5",
        "cpu": f"Processor <{slowness}>",
        "runtime": "onnxruntime",
        "version": "1.20",
        "threads": 1,
    }
    facts: dict[str, Any] = {
        "options": {
            "device": identity["device"],
            "space": name,
            "data": "shapes",
            "runtime": "onnxruntime",
            "threads": 1,
            "imgsz": list(sizes),
            "minimise": list(minimise),
            "proxy": "short",
            "rungs": rungs,
            "seed": 0,
            "start": [],
            **{f"max_{name}": value for name, value in asdict(limits).items()},
        },
        "hashes": {"space": "0", "data": "1", "proxy": "2"},
        "latency": identity,
        "versions": {"nas": "0", "torch": "2", "system": "Linux"},
        "git": None,
        "status": "finished",
        "forced": forced,
        "nc": NC,
        "unit": "AP50-95 (proxy)",
        "finalists": [asdict(finalist) for finalist in (*front, *others)],
        "stock": asdict(stock),
        "baselines": {"asked": [str(member) for member in baselines], "left_out": []},
        "signal": {
            "seeds": seeds,
            "candidates": 0.02,
            "equals": 0.01,
            "repeats": 6,
            "tells_apart": 2 * seeds <= 0.02,
            "text": "scores vary by 0.020 between candidates",
        },
        "seconds": {"table": 10.0, "search": 30.0, "report": 5.0},
        "table": {
            "path": str(folder / "table.csv"),
            "identity": identity,
            "date": "2026-11-22",
            "reference_ms": 1.0,
            "overhead_ms": OVERHEAD,
            "calibrations": {str(size): {"factor": 1.1, "n": 8, "worst": 0.03} for size in sizes},
            "cards": cards or {},
            "quiet": quiet,
            "steal": None,
        },
    }
    (folder / "run.json").write_text(json.dumps(facts))
    return load_run(folder)


def _record(number: int, member: Architecture, target: Target) -> TrialRecord:
    costs = target.costs(member)
    return TrialRecord(
        number,
        "trained",
        str(member),
        score_of(member, min(target.sizes)),
        costs["latency"],
        int(costs["params"]),
        int(costs["macs"]),
        int(costs["size"]),
        1,
        1.0,
    )
