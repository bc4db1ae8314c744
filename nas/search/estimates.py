"""Estimated times of the phases of a search."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

from nas.config import SearchConfig
from nas.detectors.rows import Detector
from nas.plurals import counted
from nas.progress import duration
from nas.proxies.base import Proxy
from nas.proxies.rungs import FACTOR
from nas.proxies.short import ShortTraining
from nas.search.halving import trainings_by_rung
from nas.search.score_noise import REPEATS

ENTRY_SECONDS = 0.1
"""Time to measure an entry of a latency table: docs/own-space.md has the time of a complete one."""
CALIBRATION_SECONDS = 10.0
"""Time of a calibration at one image size."""
FINALISTS_SECONDS = 20.0
"""Time to measure some finalists end-to-end."""
STEPS = 6
"""Training steps that are timed; the first one is left out."""


@dataclass(frozen=True)
class PhaseTime:
    """Estimated time of a phase.

    Attributes:
        name: The phase.
        seconds: The time.
        basis: The reason for it, in words.
    """

    name: str
    seconds: float
    basis: str


def training_seconds(proxy: Proxy, detector: Detector, threads: int) -> float:
    """Time to score one detector, from a few training steps and one validation. Nothing is written.

    A proxy that starts from a trained template is timed as a training from scratch.

    Args:
        proxy: The proxy of the search.
        detector: The detector.
        threads: Torch threads of a training.
    """
    import torch

    steps = proxy.recipe.steps if proxy.trains else 0
    recipe = replace(proxy.recipe, steps=STEPS)
    timed = ShortTraining(proxy.dataset, proxy.folder, space=proxy.space, recipe=recipe, device=proxy.device)
    before, ends = torch.get_num_threads(), [time.perf_counter()]
    torch.set_num_threads(threads)
    try:
        timed.score(detector, 0, lambda share: ends.append(time.perf_counter()))
    finally:
        torch.set_num_threads(before)
    step = median(b - a for a, b in itertools.pairwise(ends[1:]))
    return time.perf_counter() - ends[-1] + step * steps


def phase_times(config: SearchConfig, missing: int, training: float, workers: int, sizes: int) -> Iterator[PhaseTime]:
    """The phases of a search, in order.

    Args:
        config: Options of the search.
        missing: Entries that the latency table lacks.
        training: Time to score a candidate, in seconds.
        workers: Candidates that are trained at once.
        sizes: Number of image sizes.
    """
    measuring = missing * ENTRY_SECONDS + (sizes * CALIBRATION_SECONDS if missing else 0.0)
    yield PhaseTime("table", measuring, f"{counted(missing, 'entry', 'entries')}, {ENTRY_SECONDS:g} s each")
    basis = f"of {duration(training)}, {workers} at once; from {STEPS} timed steps of the stock model"
    searching = config.budget * training / workers
    if config.time_limit is not None and searching > 60 * config.time_limit:
        yield PhaseTime("search", 60 * config.time_limit, f"the time limit; {config.budget} trainings take longer")
    else:
        yield PhaseTime("search", searching, f"{counted(config.budget, 'training')} {basis}")
    again = min(REPEATS, config.budget)
    noise = math.ceil(again / workers) * training
    yield PhaseTime("score noise", noise, f"{counted(again, 'training')} with another seed")
    for rung, count in trainings_by_rung(config.budget, config.rungs).items():
        longer = FACTOR ** (rung - 1)
        about = f"{counted(count, 'training')} with {longer} times the steps"
        yield PhaseTime(f"rung {rung}", math.ceil(count / workers) * longer * training, about)
    yield PhaseTime("finalists", FINALISTS_SECONDS, "measured end-to-end, and the report")
