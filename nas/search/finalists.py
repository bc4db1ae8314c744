"""Finalists measured end-to-end on the device."""

from __future__ import annotations

from collections.abc import Sequence

from nas.detectors.costs import cost
from nas.latency.runtimes.measure import Measurement
from nas.objectives.target import Target
from nas.progress import Progress
from nas.runs.finalists import Finalist
from nas.search.halving import Standing
from nas.search.plan import SearchPlan


def measure_finalists(
    standings: Sequence[Standing], stock: str, plan: SearchPlan, target: Target, progress: Progress
) -> list[Finalist]:
    """Measure the finalists, interleaved in one session, if the device is this machine or a worker of a cluster.

    Args:
        standings: The finalists, the stock model among them.
        stock: Architecture string of the stock model.
        plan: The plan of the search.
        target: The deployment target.
        progress: Receives the share done.
    """
    members = [target.decode(standing.row.arch) for standing in standings]
    detectors, sizes = list(map(target.detector, members)), list(map(target.imgsz, members))
    measured: Sequence[Measurement | None] = [None] * len(standings)
    if plan.builder is not None:
        measured = plan.builder.measure_end_to_end(detectors, sizes, progress)
    elif plan.remote is not None and not plan.table.forced:
        measured = plan.remote.measure_end_to_end(detectors, sizes)
    finalists = []
    for standing, detector, imgsz, end_to_end in zip(standings, detectors, sizes, measured, strict=True):
        params, macs, _, size = cost(detector, imgsz)
        finalist = Finalist(
            name="",
            arch=standing.row.arch,
            imgsz=imgsz,
            score=standing.score,
            score_sd=standing.sd,
            score_n=standing.n,
            test_score=standing.test,
            latency_predicted_ms=standing.point()[1],
            latency_ms=end_to_end and end_to_end.ms,
            latency_spread_ms=end_to_end and end_to_end.spread_ms,
            params=params,
            macs=macs,
            weight_bytes=size,
            budgets_kept="",
            yaml="",
            stock=standing.row.arch == stock,
        )
        finalists.append(finalist)
    return finalists
