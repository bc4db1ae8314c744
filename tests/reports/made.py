"""A finished run without a search: members of a space with invented latencies and scores, written by the public API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from nas.config import SearchConfig
from nas.detectors.costs import cost, row_cost
from nas.detectors.rows import Detector
from nas.files import write
from nas.objectives.target import Target
from nas.reports.run_data import RunData, load_run_data
from nas.runs.finalist_weights import stored_weights
from nas.runs.finalists import Finalist, Front, front_of, write_front
from nas.runs.record import Baselines, Hashes, RunRecord, RunResult, RunStatus, TableSnapshot
from nas.runs.row_costs import write_rows
from nas.runs.run import Run
from nas.runs.score_noise import ScoreNoise
from nas.runs.size_curve import SizeCurve, SizePoint, write_curve
from nas.runs.teacher_record import TeacherRecord
from nas.runs.trials import TrialRecord, TrialState, trials_frame
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space, load_space

NC, OVERHEAD = 3, 0.5
UNIT = "AP50-95 (proxy)"
TEACHER = TeacherRecord("teacher.pt", "/home/me/best.pt", "0" * 64, 0, 0.5, ("a", "b", "c"))


class Table:
    """Latency as a function of the cost, ``slowness`` times as long."""

    def __init__(self, slowness: float = 1.0):
        self.slowness = slowness

    def predict(self, detector: Detector, imgsz: int) -> SimpleNamespace:
        rows = [self.slowness * row_cost(row).macs / 1e7 for row in detector.resolve(imgsz)]
        return SimpleNamespace(total_ms=OVERHEAD + sum(rows), rows=rows)


def score_of(member: Architecture, smallest: int) -> float:
    """A score that grows with the size. Plain faster blocks are better than their size."""
    plain = sum(choice.family == "faster" and choice.shell == "plain" for choice in member.backbone)
    larger = np.log((member.imgsz or smallest) / smallest)
    return float(0.3 + 0.05 * np.log(cost(member.detector(NC)).params / 1e6) + 0.02 * plain + 0.1 * larger)


def make(
    folder: Path,
    space: str = "tiny",
    *,
    count: int = 20,
    draw_seed: int = 0,
    seeds: float = 0.002,
    slowness: float = 1.0,
    here: bool = True,
    forced: str = "",
    header: Mapping[str, Any] | None = None,
    gain: float | None = None,
    **options: Any,
) -> RunData:
    """Write a run and read it.

    Args:
        folder: The run directory.
        space: Name of the search space.
        count: Number of trained candidates.
        draw_seed: Seed of the candidates.
        seeds: Standard deviation of the scores between seeds.
        slowness: Factor of all latencies, without the overhead.
        here: True if the finalists are measured; they take 2 % more than predicted.
        forced: The reason why the table does not fit.
        header: Fields of the table's header.
        gain: AP of the found models above the teacher's size curve; None for a run without pretrained weights.
        **options: Options of the search.
    """
    device = "cpu" if here else "pi5"
    config = SearchConfig(**{"device": device, "space": space, "runtime": "onnxruntime", "imgsz": (64,), **options})
    searched = load_space(space, config.imgsz)
    target = Target(Table(slowness), NC, config.imgsz, config.minimize)  # type: ignore[arg-type]
    baselines = [searched.stock(), *searched.resized(), *searched.uniform_replacements()]
    rows = [
        trial(number, member, target) for number, member in enumerate(members(searched, baselines, count, draw_seed))
    ]
    finalists = [finalist(row, target, here, config.rungs > 1) for row in rows]
    points: tuple[SizePoint, ...] = ()
    if gain is not None:
        points = curve(next(model for model in finalists if model.stock))
        finalists = [trained(folder, model, SizeCurve(points), gain) for model in finalists]
    front = front_of(finalists, config.limits, config.minimize)
    everyone = (*front.models, *front.others)
    write_front(folder, front.models, NC, UNIT, forced=forced)
    write_rows(folder, everyone, target)
    trials_frame([*rows, *untrained(rows)]).to_csv(folder / "trials.csv", index=False)
    fingerprint: dict[str, str | int] = {
        "device": device,
        "cpu": f"Processor <{slowness}>",
        "runtime": "onnxruntime",
        "version": "1.20",
        "threads": 1,
    }
    record = RunRecord(
        status=RunStatus.FINISHED,
        config=config,
        space=space,
        hashes=Hashes(space="0", data="1", proxy="2"),
        fingerprint=fingerprint,
        data_note="",
        forced=forced,
        versions={"nas": "0", "torch": "2", "system": "Linux"},
        seconds={"table": 10.0, "search": 30.0, "report": 5.0},
        result=result_of(
            front, baselines, ScoreNoise(seeds, 0.02, 0.01, 6), snapshot(folder, fingerprint, header or {})
        ).model_copy(update={"curve": points, "teacher": TEACHER if points else None}),
    )
    record.save(folder)
    write_curve(folder, points)
    return load_run_data(folder)


def members(space: Space, baselines: Iterable[Architecture], count: int, draw_seed: int) -> list[Architecture]:
    """Baselines and random members, without repetitions."""
    rng = np.random.default_rng(draw_seed)
    drawn = [space.random(rng) for _ in range(20 * count)]
    return list(dict.fromkeys([*baselines, *drawn]))[:count]


def trial(number: int, member: Architecture, target: Target) -> TrialRecord:
    costs = target.costs(member)
    return TrialRecord(
        number,
        TrialState.TRAINED,
        str(member),
        score_of(member, min(target.sizes)),
        costs["latency"],
        int(costs["params"]),
        int(costs["macs"]),
        int(costs["size"]),
        1,
        1.0,
    )


def untrained(rows: list[TrialRecord]) -> list[TrialRecord]:
    """A trial in each state in which nothing was trained."""
    count, repeated = len(rows), rows[2 % len(rows)]
    left = replace(rows[-1], score=None, rung=None)
    reason = "same as trial 2"
    return [
        replace(repeated, number=count, state=TrialState.DUPLICATE, rung=None, reason=reason),
        replace(left, number=count + 1, state=TrialState.GATED, reason="latency 7.0% over its limit"),
        replace(left, number=count + 2, state=TrialState.FAILED, reason="ValueError: <b>broken</b>"),
    ]


def finalist(row: TrialRecord, target: Target, here: bool, longer: bool) -> Finalist:
    """A trial as a finalist; ``longer`` if it was trained twice on a higher rung, which adds 0.1 to its score."""
    assert row.score is not None and row.latency_ms is not None
    assert row.params is not None and row.macs is not None and row.weight_bytes is not None
    return Finalist(
        name="",
        arch=row.arch,
        imgsz=target.imgsz(row.architecture),
        score=row.score + 0.1 * longer,
        score_sd=0.004 if longer else None,
        score_n=2 if longer else 1,
        test_score=0.2 if longer else None,
        latency_predicted_ms=row.latency_ms,
        latency_ms=1.02 * row.latency_ms if here else None,
        latency_spread_ms=0.01 * row.latency_ms if here else None,
        params=row.params,
        macs=row.macs,
        weight_bytes=row.weight_bytes,
        budgets_kept="",
        yaml="",
        stock=row.number == 0,
    )


def curve(stock: Finalist) -> tuple[SizePoint, ...]:
    """The teacher at its image size and at smaller ones; it is as fast as the stock model."""
    spread = None if stock.latency_ms is None else 0.01
    return tuple(
        SizePoint(
            int(share * stock.imgsz), 0.5 - 0.4 * (1 - share), share**2 * stock.latency, spread, spread is not None
        )
        for share in (1, 0.875, 0.75, 0.625, 0.5)
    )


def trained(folder: Path, model: Finalist, points: SizeCurve, gain: float) -> Finalist:
    """A finalist with trained weights, and their file."""
    weights = stored_weights(model.arch)
    write(folder / weights, "weights")
    at = points.ap_at(model.latency)
    ap = 0.5 if model.stock else (points.front[0].ap if at is None else at) + gain
    return replace(model, ap=ap, weights=weights)


def result_of(front: Front, baselines: list[Architecture], noise: ScoreNoise, table: TableSnapshot) -> RunResult:
    return RunResult(
        nc=NC,
        unit=UNIT,
        finalists=(*front.models, *front.others),
        stock=front.stock,
        baselines=Baselines(asked=tuple(map(str, baselines)), left_out=()),
        table=table,
        score_noise=noise,
        trust=str(noise),
    )


def snapshot(folder: Path, fingerprint: Mapping[str, str | int], header: Mapping[str, Any]) -> TableSnapshot:
    content = {
        "identity": fingerprint,
        "date": "2026-11-22",
        "reference_ms": 1.0,
        "overhead_ms": OVERHEAD,
        "calibrations": {"64": {"factor": 1.1, "n": 8, "worst": 0.03}},
        "cards": {},
        "quiet": 1.0,
        "steal": None,
    }
    return TableSnapshot(path=str(folder / "table.csv"), header=content | dict(header))


def changed(data: RunData, *, config: Mapping[str, Any] | None = None, **changes: Any) -> RunData:
    """The data with other fields of its record, or other options in ``config``."""
    record = data.run.record.model_copy(update=changes | {"config": data.config.updated(config or {})})
    return replace(data, run=Run(data.folder, record))


def with_stock(data: RunData, **changes: Any) -> RunData:
    """The data with other fields of the stock model."""
    return changed(data, result=data.result.model_copy(update={"stock": replace(data.stock, **changes)}))
