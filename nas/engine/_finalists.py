"""From the trained candidates to detectors that were measured whole on the device."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from nas.detectors import cost
from nas.engine._limits import Limits
from nas.engine._pareto import pareto
from nas.engine._record import Record
from nas.proxies import Progress

if TYPE_CHECKING:
    from nas.tables import LatencyTable


@dataclass(frozen=True)
class Finalist:
    """A detector measured whole. Latencies in ms, one image; ``budgets_kept`` as "k of n" of the limits given;
    ``weight_bytes`` is what the deployed weights take in the smallest form (`nas.operators.Cost`).

    ``score_sd`` over ``score_n`` trainings with different seeds is None while there is one. ``stock`` marks the
    template's own model; ``yaml`` is the file relative to the run.
    """

    name: str
    arch: str
    score: float
    score_sd: float | None
    score_n: int
    test_score: float | None
    latency_predicted_ms: float
    latency_ms: float
    latency_spread_ms: float
    params: int
    macs: int
    weight_bytes: int
    budgets_kept: str
    yaml: str
    stock: bool = False

    @property
    def error(self) -> float:
        """Measured over predicted latency, less one."""
        return self.latency_ms / self.latency_predicted_ms - 1


def candidates(rows: Sequence[Record]) -> list[Record]:
    """The Pareto front of the trained candidates by score and predicted latency."""
    trained = [row for row in rows if row.state == "trained"]
    points = [(row.score, row.latency_ms) for row in trained if row.score is not None and row.latency_ms is not None]
    return [trained[index] for index in pareto(points)]


def measure(
    rows: Sequence[Record], stock: Record, table: LatencyTable, nc: int, imgsz: int, limits: Limits, progress: Progress
) -> tuple[list[Finalist], Finalist]:
    """Measure these candidates and the stock model, interleaved in one session.

    Returns the Pareto front by score and *measured* latency, fastest first and without those that break a limit, and
    the stock model, which the front holds too when nothing dominates it.
    """
    unique = list(dict.fromkeys([stock, *rows]))
    detectors = [row.architecture.detector(nc) for row in unique]
    measured, within = [], []
    for row, detector, whole in zip(unique, detectors, table.measure_wholes(detectors, imgsz, progress), strict=True):
        assert row.score is not None and row.latency_ms is not None
        params, macs, _, size = cost(detector, imgsz)
        violations = limits.violations({"latency": whole.ms, "params": params, "macs": macs, "size": size})
        kept = sum(value <= 0 for value in violations.values())
        finalist = Finalist(
            name="stock" if row is stock else "",
            arch=row.arch,
            score=row.score,
            score_sd=None,
            score_n=1,
            test_score=None,
            latency_predicted_ms=row.latency_ms,
            latency_ms=whole.ms,
            latency_spread_ms=whole.spread_ms,
            params=params,
            macs=macs,
            weight_bytes=size,
            budgets_kept=f"{kept} of {len(violations)}",
            yaml="",
            stock=row is stock,
        )
        measured.append(finalist)
        if kept == len(violations):
            within.append(finalist)
    front = [_named(i, within[k]) for i, k in enumerate(pareto([(f.score, f.latency_ms) for f in within]), 1)]
    return front, next((f for f in front if f.stock), measured[0])


def _named(index: int, finalist: Finalist) -> Finalist:
    # Hexadecimal digits hold none of the letters n, s, m, l, x that Ultralytics reads a scale from.
    name = f"{index:02d}-{hashlib.sha256(finalist.arch.encode()).hexdigest()[:6]}"
    return replace(finalist, name=name, yaml=f"pareto/{name}.yaml")


def pareto_frame(front: Sequence[Finalist]) -> pd.DataFrame:
    """pareto.csv."""
    columns = [name for name in Finalist.__dataclass_fields__ if name != "stock"]
    return pd.DataFrame([asdict(finalist) for finalist in front], columns=columns)
