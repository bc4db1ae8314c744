"""Successive halving: the best candidates train longer, rung by rung, until a few finalists are left.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016, with
non-dominated sorting inside latency bands in place of a single score. It runs after the search, since the sampler only
uses scores of the first rung: all candidates are known when some are promoted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from statistics import fmean, stdev

import numpy as np
import optuna

from nas.errors import InputError, SearchError
from nas.execution.score import Score, wait_for_outcome
from nas.objectives.costs import LATENCY
from nas.objectives.limits import Limits
from nas.objectives.pareto import Point, dominates, hypervolume, pareto
from nas.objectives.target import Target
from nas.progress import Progress, part
from nas.proxies.outcome import Outcome
from nas.runs.observer import NO_OBSERVER, TrialObserver
from nas.runs.score_noise import CHANCE, pooled_sd
from nas.runs.trials import RungResult, TrialRecord, keep_result, rung_results

_PROMOTED = {2: 3, 3: 2}
"""By rung: one of this many candidates of the rung below is promoted."""
_LEAST = 4
"""Smallest number of promoted candidates."""
_FINAL_SEEDS = 2
"""Trainings of a finalist, with different seeds."""
_BANDS = 4
"""Latency bands with equal numbers of candidates."""


@dataclass(frozen=True)
class Standing:
    """A candidate and its score on the highest rung that it reached.

    Attributes:
        row: The trial.
        score: Mean score over ``n`` seeds.
        sd: Standard deviation of the scores; None for one seed.
        n: Number of seeds.
        test: Mean score on the test split; None where there is none.
    """

    row: TrialRecord
    score: float
    sd: float | None = None
    n: int = 1
    test: float | None = None

    def point(self, minimize: Sequence[str] = LATENCY) -> Point:
        """The score and the named costs; latency is predicted."""
        return self.score, *self.row.costs(minimize).values()

    @staticmethod
    def from_results(row: TrialRecord, results: Sequence[RungResult]) -> Standing | None:
        """The standing after the trainings on one rung; None if one of them failed."""
        scores = [result.score for result in results if result.score is not None]
        if len(scores) < len(results):
            return None
        tests = [result.test for result in results if result.test is not None]
        sd = stdev(scores) if len(scores) > 1 else None
        return Standing(row, fmean(scores), sd, len(scores), fmean(tests) if tests else None)


@dataclass(frozen=True)
class Halving:
    """Successive halving of the candidates of a study.

    Results are stored in the study as they come. Stored results are reused, unless they failed.

    Attributes:
        study: The Optuna study.
        score: Trains candidates.
        target: The deployment target.
        seed: First seed of the trainings.
        rungs: Number of rungs; 1 trains nothing.
        observer: Is notified of trainings.
        limits: Limits on costs.
    """

    study: optuna.Study
    score: Score
    target: Target
    seed: int
    rungs: int
    observer: TrialObserver = NO_OBSERVER
    limits: Limits = field(default_factory=Limits)

    def run(self, rows: Sequence[TrialRecord], progress: Progress) -> list[Standing]:
        """Choose the finalists, fastest first. The stock model is always one of them.

        With one rung these are the Pareto front, and the front of the candidates within the limits: a baseline that
        exceeds a limit must not displace a candidate that meets it.

        Args:
            rows: Trained candidates; the first is the stock model.
            progress: Receives the share done.

        Raises:
            SearchError: The stock model could not be trained longer.
        """
        standings = [Standing(row, row.point()[0]) for row in rows]
        within = [s for s in standings if self.limits.met_by(s.row.costs(self.limits.names))]
        if self.rungs == 1:
            return self._fronts(standings, within)
        standings = within or standings
        for rung in range(2, self.rungs + 1):
            share = part(progress, (rung - 2) / (self.rungs - 1), 1 / (self.rungs - 1))
            standings = self._climb(standings, rows[0], rung, share)
        return sorted(standings, key=lambda standing: standing.point()[1])

    def _fronts(self, standings: list[Standing], within: list[Standing]) -> list[Standing]:
        minimize = self.target.minimize
        fronts = [group[i] for group in (standings, within) for i in pareto([s.point(minimize) for s in group])]
        front = sorted(dict.fromkeys(fronts), key=lambda standing: standing.point(minimize)[1])
        return front + ([] if standings[0] in front else standings[:1])

    def _climb(self, standings: list[Standing], stock: TrialRecord, rung: int, progress: Progress) -> list[Standing]:
        """Promote the best to a rung, together with the stock model, and train them there."""
        points = [standing.point(self.target.minimize) for standing in standings]
        count = min(len(points), max(_LEAST, math.ceil(len(points) / _PROMOTED[rung])))
        promoted = list(dict.fromkeys((stock, *(standings[index].row for index in promote(points, count)))))
        results = self._train(promoted, rung, progress)
        if failed := next((result for result in results if result.number == stock.number and result.reason), None):
            raise SearchError(f"the stock model could not be trained on rung {rung}: {failed.reason}")
        by_row = ((row, [result for result in results if result.number == row.number]) for row in promoted)
        return [standing for row, own in by_row if (standing := Standing.from_results(row, own))]

    def _train(self, rows: Sequence[TrialRecord], rung: int, progress: Progress) -> list[RungResult]:
        """Results of these candidates on a rung. Missing ones are trained."""
        seeds = range(self.seed, self.seed + (_FINAL_SEEDS if rung == self.rungs else 1))
        stored = {(r.number, r.rung, r.seed): r for r in rung_results(self.study) if not r.reason}
        wanted = [(row, seed) for row in rows for seed in seeds]
        futures = {}
        for row, seed in wanted:
            if (row.number, rung, seed) not in stored:
                member = self.target.decode(row.arch)
                scale = self.target.scale(member)
                futures[row.number, seed] = self.score(self.target.detector(member), seed, rung=rung, scale=scale)
        found = []
        for row, seed in wanted:
            result = stored.get((row.number, rung, seed))
            if result is None:
                result = self._await(row, rung, seed, futures[row.number, seed])
                keep_result(self.study, result)
            found.append(result)
            progress(len(found) / len(wanted))
        return found

    def _await(self, row: TrialRecord, rung: int, seed: int, training: Future[Outcome]) -> RungResult:
        try:
            outcome = wait_for_outcome(training)
        except (InputError, SearchError):
            raise  # the candidate is not the cause
        except Exception as error:
            return RungResult(row.number, rung, seed, None, reason=f"{type(error).__name__}: {error}")
        self.observer.promoted(row.number, self.target.decode(row.arch), rung, seed, outcome)
        return RungResult(row.number, rung, seed, outcome.score, outcome.test_score, round(outcome.seconds, 3))


def trainings_by_rung(trained: int, rungs: int) -> dict[int, int]:
    """Largest number of trainings on each rung above the first.

    Args:
        trained: Number of trained candidates.
        rungs: Number of rungs.
    """
    found, count = {}, trained
    for rung in range(2, rungs + 1):
        count = min(count, max(_LEAST, math.ceil(count / _PROMOTED[rung])) + 1)  # and the stock model
        found[rung] = count * (_FINAL_SEEDS if rung == rungs else 1)
    return found


def finalists_noise(standings: Sequence[Standing]) -> str:
    """The seed noise of the finalists' scores in words, pooled over them; empty where each was trained once."""
    found = [(standing.sd, standing.n) for standing in standings if standing.sd is not None]
    if not found:
        return ""
    sd, n = pooled_sd(found), found[0][1]
    least = f"{CHANCE * sd / n**0.5:.3f}"
    return f"Finalists: standard deviation {sd:.3f} between seeds. Differences of means of {n} below {least} are noise."


def promote(points: Sequence[Point], count: int) -> list[int]:
    """Indices of the points to promote.

    The front comes first, in the order in which its points add most to the hypervolume. The others follow layer by
    layer, by non-dominated sorting inside their latency band, those closest below the front first.

    Args:
        points: Scores and costs; latency is the first cost.
        count: Number of indices.
    """
    front = pareto(points)
    layers: dict[int, int] = {}
    by_latency = sorted(range(len(points)), key=lambda index: points[index][1])
    for band in np.array_split(by_latency, min(_BANDS, len(points))):
        left, layer = [int(index) for index in band], 0
        while left:
            best = {left[i] for i in pareto([points[index] for index in left])}
            layers |= dict.fromkeys(best - set(front), layer)
            left = [index for index in left if index not in best]
            layer += 1

    def gap(index: int) -> float:
        return max(points[i][0] for i in front if dominates(points[i], points[index])) - points[index][0]

    behind = sorted(layers, key=lambda index: (layers[index], gap(index), index))
    return [*_by_hypervolume(front, points), *behind][:count]


def _by_hypervolume(front: Sequence[int], points: Sequence[Point]) -> list[int]:
    """The front in greedy order: each point adds most to the hypervolume of those before it."""
    scores, *costs = zip(*points, strict=True)
    worst = min(scores), *map(max, costs)

    def volume(indices: Sequence[int]) -> float:
        return hypervolume([points[index] for index in indices], worst)

    picked: list[int] = []
    while left := [index for index in front if index not in picked]:
        picked.append(max(left, key=lambda index: volume([*picked, index])))
    return picked
