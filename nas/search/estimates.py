"""Estimated times of the phases of a search."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from nas.config import SearchConfig
from nas.detectors.rows import Detector
from nas.plurals import counted
from nas.progress import duration
from nas.proxies.base import Proxy
from nas.proxies.rungs import FACTOR
from nas.proxies.short import ShortTraining
from nas.search.halving import trainings_by_rung
from nas.search.pretrained_phases import MOST_TRAINED
from nas.search.score_noise import REPEATS
from nas.supernet.proxy import RECALIBRATION_IMAGES

ENTRY_SECONDS = 0.1
"""Time to measure an entry of a latency table: docs/own-space.md has the time of a complete one."""
CALIBRATION_SECONDS = 10.0
"""Time of a calibration at one image size."""
FINALISTS_SECONDS = 20.0
"""Time to measure some finalists end-to-end."""
SANDWICH = 3.2
"""Time of a step of a supernet's training, as a multiple of a training step of the stock model."""
STUDENT = 1.4
"""The same for a step of a student's training, which asks the teacher too."""
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


class TrainingTime(NamedTuple):
    """Time that a detector takes, in seconds.

    Attributes:
        step: One training step.
        validation: One validation.
    """

    step: float
    validation: float

    def candidate(self, proxy: Proxy) -> float:
        """Time to score a candidate."""
        if proxy.trains:
            return self.step * proxy.recipe.steps + self.validation
        recalibration = RECALIBRATION_IMAGES / proxy.recipe.batch * self.step / 3  # forward only
        return self.validation + (recalibration if proxy.name == "supernet" else 0.0)


def training_time(proxy: Proxy, detector: Detector, threads: int) -> TrainingTime:
    """Time a few training steps and one validation of a detector. Nothing is written.

    A proxy that starts from a trained template is timed as a training from scratch.

    Args:
        proxy: The proxy of the search.
        detector: The detector.
        threads: Torch threads of a training.
    """
    import torch

    recipe = replace(proxy.recipe, steps=STEPS)
    timed = ShortTraining(proxy.dataset, proxy.folder, space=proxy.space, recipe=recipe, device=proxy.device)
    before, ends = torch.get_num_threads(), [time.perf_counter()]
    torch.set_num_threads(threads)
    try:
        timed.score(detector, 0, lambda share: ends.append(time.perf_counter()))
    finally:
        torch.set_num_threads(before)
    step = median(b - a for a, b in itertools.pairwise(ends[1:]))
    return TrainingTime(step, time.perf_counter() - ends[-1])


def phase_times(
    config: SearchConfig, proxy: Proxy, missing: int, times: TrainingTime, workers: int
) -> Iterator[PhaseTime]:
    """The phases of a search, in order.

    Args:
        config: Options of the search.
        proxy: Its proxy.
        missing: Entries that the latency table lacks.
        times: Times of the stock model.
        workers: Candidates that are trained at once.
    """
    training, sizes = times.candidate(proxy), len(config.imgsz)
    measuring = missing * ENTRY_SECONDS + (sizes * CALIBRATION_SECONDS if missing else 0.0)
    yield PhaseTime("table", measuring, f"{counted(missing, 'entry', 'entries')}, {ENTRY_SECONDS:g} s each")
    if proxy.name == "supernet" and config.supernet is None:
        steps, seconds = proxy.recipe.steps, proxy.recipe.steps * times.step * SANDWICH
        yield PhaseTime("supernet", seconds, f"{counted(steps, 'step')} of four members each")
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
    if config.pretrained is not None or config.supernet is not None:
        steps = config.finalist_steps
        seconds = (MOST_TRAINED + 1) * (steps * times.step * STUDENT + 2 * times.validation)
        yield PhaseTime("training", seconds, f"up to {MOST_TRAINED + 1} finalists, {counted(steps, 'step')} each")
