"""Score noise of a run: a few candidates are trained again with another seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from nas.data.spacing import evenly_spaced
from nas.errors import InputError, SearchError
from nas.execution.score import Score, wait_for_outcome
from nas.objectives.target import Target
from nas.progress import Progress
from nas.runs.score_noise import ScoreNoise
from nas.runs.trials import TrialRecord

REPEATS = 6
"""Candidates that are trained again."""


def repeated_trials(rows: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trained candidates to train again: the stock model, which is first, and others evenly spaced over the run.

    They are not chosen by score: the best of many are partly lucky, and noise would look larger than it is.
    """
    return [rows[index] for index in evenly_spaced(len(rows), REPEATS)]


def measure_score_noise(
    rows: Sequence[TrialRecord],
    again: Sequence[TrialRecord],
    score: Score,
    target: Target,
    seed: int,
    progress: Progress,
) -> ScoreNoise:
    """Train some candidates again with the next seed, and compare with their scores in the run.

    Args:
        rows: All trained candidates.
        again: Those to train again, see `repeated_trials`.
        score: Trains candidates.
        target: The deployment target.
        seed: The run's seed.
        progress: Receives the share done.

    Raises:
        SearchError: All trainings failed.
    """
    squares: list[float] = []
    failures: list[Exception] = []
    members = [target.decode(row.arch) for row in again]
    trainings = [score(target.detector(member), seed + 1, scale=target.scale(member)) for member in members]
    for row, training in zip(again, trainings, strict=True):
        try:
            squares.append((wait_for_outcome(training).score - row.point()[0]) ** 2 / 2)
        except (InputError, SearchError):
            raise  # the candidate is not the cause
        except Exception as error:
            failures.append(error)
        progress((len(squares) + len(failures)) / len(again))
    if not squares:
        last = failures[-1]
        raise SearchError(f"no candidate could be trained with another seed; the last: {type(last).__name__}: {last}")
    return ScoreNoise(statistics.fmean(squares) ** 0.5, *spreads(rows), len(squares), len(failures), len(rows))


def spreads(rows: Sequence[TrialRecord]) -> tuple[float, float]:
    """Standard deviations of the scores around their mean, and around their line over the logarithm of latency."""
    found = [(math.log(latency), score) for score, latency in (row.point() for row in rows)]
    if len(found) < 3:
        return (statistics.stdev(score for _, score in found) if len(found) > 1 else 0.0), 0.0
    x, y = (list(column) for column in zip(*found, strict=True))
    if len(set(x)) == 1:
        return statistics.stdev(y), statistics.stdev(y)
    slope, intercept = statistics.linear_regression(x, y)
    residuals = [score - slope * log_latency - intercept for log_latency, score in found]
    return statistics.stdev(y), (sum(r * r for r in residuals) / (len(residuals) - 2)) ** 0.5
