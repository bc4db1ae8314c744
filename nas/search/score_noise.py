"""How far a run's scores can be trusted: a few candidates scored again with another seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from nas.errors import InputError
from nas.execution.score import Score, SearchError, outcome_of
from nas.objectives.target import Target
from nas.progress import Progress
from nas.runs.trials import Record

REPEATS = 6
CHANCE = 2.77
"""Two values differ by chance with 95 % within 1.96 sqrt(2) standard deviations of one."""


@dataclass(frozen=True)
class Signal:
    """Standard deviations of the proxy's score: ``seeds`` between trainings of one candidate, pooled over ``repeats``
    of them (``failed`` more gave no score), ``candidates`` between all that were trained, ``equals`` between those of
    equal latency: what is left of ``candidates`` beside a line over the logarithm of latency."""

    seeds: float
    candidates: float
    equals: float
    repeats: int
    failed: int = 0

    @property
    def tells_apart(self) -> bool:
        """Whether candidates differ by clearly more than chance."""
        return self.candidates >= 2 * self.seeds

    def __str__(self) -> str:
        text = (
            f"scores vary by {self.candidates:.3f} between candidates, by {self.equals:.3f} between those of equal "
            f"latency and by {self.seeds:.3f} between seeds (sd)"
        )
        text += f"; differences below {CHANCE * self.seeds:.3f} are noise"
        if self.failed:
            text += f" ({self.failed} of {self.repeats + self.failed} trainings with another seed failed)"
        return text if self.tells_apart else f"{text}: this run CANNOT tell its candidates apart by score"


def pooled(found: Sequence[tuple[float, int]]) -> float:
    """The standard deviation of one candidate's scores over seeds, from those of several candidates, each with the
    number of scores that it is of."""
    return float((sum(sd**2 * (n - 1) for sd, n in found) / sum(n - 1 for _, n in found)) ** 0.5)


def chosen(rows: Sequence[Record]) -> list[Record]:
    """Which of the trained candidates to score again: the stock model and others, evenly spaced over the run.

    Never by score: the best of many are partly lucky, and would make chance look larger than it is.
    """
    count = min(REPEATS, len(rows))
    return [rows[index * len(rows) // count] for index in range(count)]


def measure_signal(
    rows: Sequence[Record], again: Sequence[Record], score: Score, target: Target, seed: int, progress: Progress
) -> Signal:
    """Score ``again`` with the next seed and compare with their scores in the run; ``rows`` are all trained ones.

    A training that fails is left out and counted; raises SearchError where all of them do.
    """
    squares: list[float] = []
    failures: list[Exception] = []
    members = [target.decode(row.arch) for row in again]
    trainings = [score(target.detector(member), seed + 1, scale=target.scale(member)) for member in members]
    for row, training in zip(again, trainings, strict=True):
        try:
            squares.append((outcome_of(training).score - row.point()[0]) ** 2 / 2)
        except (InputError, SearchError):
            raise
        except Exception as error:
            failures.append(error)
        progress((len(squares) + len(failures)) / len(again))
    if not squares:
        last = failures[-1]
        raise SearchError(f"no candidate could be trained with another seed, the last: {type(last).__name__}: {last}")
    return Signal(statistics.fmean(squares) ** 0.5, *spreads(rows), len(squares), len(failures))


def spreads(rows: Sequence[Record]) -> tuple[float, float]:
    """Standard deviations of the scores of these, around their mean and around their line over log latency."""
    found = [(math.log(latency), score) for score, latency in (row.point() for row in rows)]
    if len(found) < 3:
        return (statistics.stdev(score for _, score in found) if len(found) > 1 else 0.0), 0.0
    x, y = (list(column) for column in zip(*found, strict=True))
    if len(set(x)) == 1:
        return statistics.stdev(y), statistics.stdev(y)
    slope, intercept = statistics.linear_regression(x, y)
    left = [score - slope * of - intercept for of, score in found]
    return statistics.stdev(y), (sum(r * r for r in left) / (len(left) - 2)) ** 0.5
