"""The one statistic by which rows and whole detectors are timed.

A shared machine has quiet and slow windows, up to twice as slow and lasting from milliseconds to minutes. What another
process takes of a single thread's core the runtimes' clock leaves out; what it does to caches and clock rates remains.
So every sample lies between two readings of a reference kernel, run through the same runtime, and

* a sample is the shortest of a few runs in a row, the first of which warms the caches;
* it is quiet when both readings are within 15 % of the reference's nominal time; rounds over all entries go on until
  each has enough quiet samples, or the rounds are spent;
* the result is the median over an entry's quiet samples of sample / mean of its two readings, times the nominal time.

An entry that found no quiet window takes its least disturbed samples; its spread tells.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from nas.runtimes import Prepared, Runtime

Progress = Callable[[float], None]

REFERENCE = "3x3 convolution 16 to 32, 3x3 32 to 32, 1x1 32 to 32, each with SiLU, at 40x40"
QUIET = 1.15
SAMPLES = 4
ROUNDS = 3
"""Most rounds for each quiet sample that is wanted."""
SAMPLE_SECONDS = 3e-3
RUNS = (2, 20)
"""Fewest and most runs in a sample; between them, as many as fit into ``SAMPLE_SECONDS``."""


class Measurement(NamedTuple):
    """Time in ms of one image, half the interquartile range of its samples in ms, and their number."""

    ms: float
    spread_ms: float
    n: int


class _Sample(NamedTuple):
    seconds: float
    before: float
    after: float


class Bench:
    """Times prepared modules on a runtime, in units of the reference kernel.

    ``nominal`` is what the reference takes on this machine when it is quiet, in seconds; without it, it is taken now.
    ``level`` is what it took in the last `measure`.
    """

    def __init__(self, runtime: Runtime, nominal: float | None = None):
        self.runtime = runtime
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self._reference = runtime.prepare(_reference(), [torch.randn(1, 16, 40, 40)])
        self.nominal = nominal if nominal is not None else self.watch(2.0)
        self.level = self.nominal

    def watch(self, seconds: float) -> float:
        """Watch the reference for so long and return its level: what it takes in the quieter moments, in seconds."""
        readings: list[float] = []
        with self.runtime.measuring():
            start = perf_counter()
            while not readings or (self.runtime.timed and perf_counter() - start < seconds):
                readings.append(self._read())
        return _level(readings)

    def measure(
        self, entries: Sequence[Prepared], samples: int = SAMPLES, progress: Progress | None = None
    ) -> list[Measurement]:
        """Time these, interleaved, until each has so many quiet samples."""
        taken: list[list[_Sample]] = [[] for _ in entries]
        collecting = gc.isenabled()
        gc.disable()
        try:
            with self.runtime.measuring():
                self._rounds(entries, taken, samples, progress)
        finally:
            if collecting:
                gc.enable()
        self.level = _level([sample.before for of_entry in taken for sample in of_entry])
        return [self._summary(of_entry) for of_entry in taken]

    def _rounds(
        self, entries: Sequence[Prepared], taken: list[list[_Sample]], samples: int, progress: Progress | None
    ) -> None:
        runs = [self._runs(entry) for entry in entries]
        rounds = ROUNDS * samples if self.runtime.timed else 1
        pending = list(range(len(entries)))
        for number in range(rounds):
            before = self._read()
            # To and fro, so that no entry always follows the same neighbour.
            for index in pending if number % 2 else reversed(pending):
                shortest = min(entries[index].seconds() for _ in range(runs[index]))
                after = self._read()
                taken[index].append(_Sample(shortest, before, after))
                before = after
            pending = [i for i in pending if sum(self._is_quiet(s) for s in taken[i]) < samples]
            if progress is not None:
                progress(max((number + 1) / rounds, 1 - len(pending) / len(entries)))
            if not pending:
                break

    def _read(self) -> float:
        return min(self._reference.seconds() for _ in range(3))

    def _runs(self, entry: Prepared) -> int:
        entry.seconds()
        return int(np.clip(SAMPLE_SECONDS / max(entry.seconds(), 1e-9), *RUNS)) if self.runtime.timed else 1

    def _is_quiet(self, sample: _Sample) -> bool:
        return max(sample.before, sample.after) <= QUIET * self.nominal

    def _summary(self, samples: list[_Sample]) -> Measurement:
        kept = [sample for sample in samples if self._is_quiet(sample)]
        if len(kept) < 3:
            kept = sorted(samples, key=lambda sample: max(sample.before, sample.after))[:3]
        ms = [1e3 * self.nominal * s.seconds / ((s.before + s.after) / 2) for s in kept]
        low, middle, high = np.quantile(ms, (0.25, 0.5, 0.75))
        return Measurement(float(middle), float(high - low) / 2, len(ms))


def _level(readings: Sequence[float]) -> float:
    return float(np.quantile(readings, 0.1))


def _reference() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(16, 32, 3, 1, 1), nn.SiLU(), nn.Conv2d(32, 32, 3, 1, 1), nn.SiLU(), nn.Conv2d(32, 32, 1), nn.SiLU()
    ).eval()
