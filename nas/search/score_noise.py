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
from nas.proxies.base import Proxy
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
    *,
    is_ap: bool = True,
) -> ScoreNoise:
    """Train some candidates again with the next seed, and compare with their scores in the run.

    Args:
        rows: All trained candidates.
        again: Those to train again, see `repeated_trials`.
        score: Trains candidates.
        target: The deployment target.
        seed: The run's seed.
        progress: Receives the share done.
        is_ap: True if the scores are AP of trained candidates.

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
    highest = max(row.point()[0] for row in rows) if is_ap else None
    seeds = statistics.fmean(squares) ** 0.5
    return ScoreNoise(seeds, *spreads(rows), len(squares), len(failures), len(rows), highest)


def advice(noise: ScoreNoise, proxy: Proxy, deployment: int) -> str:
    """The change that helps a run whose scores cannot tell its candidates apart; empty if there is none.

    Args:
        noise: The score noise.
        proxy: The proxy of the run.
        deployment: Image size at deployment in pixels.
    """
    if noise.tells_apart:
        return ""
    if noise.trained == 1:
        return "Raise the budget to compare several candidates."
    if not proxy.trains:
        return ""
    steps = f"--steps {2 * proxy.recipe.steps}"
    if noise.nothing_learned:
        size = min(2 * proxy.recipe.imgsz, deployment)
        if size <= proxy.recipe.imgsz:
            return f"Give {steps}, or more, to train each candidate longer."
        return f"Give --proxy-imgsz {size} if the objects are small, and {steps}, or more, if they are not."
    return f"Give {steps} to train each candidate twice as long."


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
