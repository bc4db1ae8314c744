"""Latency of a few models without a table, to judge a limit."""

from __future__ import annotations

from collections.abc import Sequence

from nas.detectors.rows import Detector
from nas.latency.modules import end_to_end
from nas.latency.runtimes.base import Runtime
from nas.progress import Progress

RUNS = 10
"""Runs of each model; the fastest counts."""


def time_quickly(runtime: Runtime, models: Sequence[tuple[Detector, int]], progress: Progress) -> list[float]:
    """Latency of models in ms: the fastest of a few runs, without the waiting for quiet windows that a table does.

    Args:
        runtime: Runs the models.
        models: Detectors and their image sizes in pixels.
        progress: Receives the share done.
    """
    found = []
    for number, (detector, imgsz) in enumerate(models, 1):
        prepared = runtime.prepare(*end_to_end(detector, imgsz))
        with runtime.measuring():
            found.append(1e3 * min(prepared.seconds() for _ in range(RUNS)))
        progress(number / len(models))
    return found
