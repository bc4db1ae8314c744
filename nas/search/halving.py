"""The best candidates trained longer, rung by rung, until a few finalists are left.

Successive halving (Jamieson and Talwalkar, AISTATS 2016) with non-domination inside latency bands in place of a single
score. It follows the search and does not run beside it: the sampler is told the first rung's score alone, which all
share, so that nothing is lost by choosing whom to promote once all are known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
import optuna

from nas.errors import InputError
from nas.execution.score import Score, SearchError, outcome_of
from nas.objectives.costs import LATENCY
from nas.objectives.limits import Limits
from nas.objectives.pareto import Point, dominates, hypervolume, pareto
from nas.objectives.target import Target
from nas.progress import Progress
from nas.proxies.base import Outcome
from nas.proxies.rungs import RUNGS
from nas.runs.observer import NOBODY, Watcher
from nas.runs.trials import Record, Result, keep, results
from nas.search.score_noise import CHANCE, pooled

KEPT = {2: 3, 3: 2}
"""By rung, one of so many candidates of the rung below goes on to it."""
LEAST = 4
"""But so many at least, where there are as many."""
SEEDS = 2
"""Trainings of a finalist, with different seeds."""
NONE = Limits()
BANDS = 4
"""Of latency, each holding as many candidates."""


@dataclass(frozen=True)
class Standing:
    """A candidate and its score on the highest rung that it reached: the mean over ``n`` seeds, their standard
    deviation (None for one seed), and the mean on the test split, where there is one."""

    row: Record
    score: float
    sd: float | None = None
    n: int = 1
    test: float | None = None

    def point(self, minimised: Sequence[str] = LATENCY) -> Point:
        """The score and these costs, latency as predicted, in ms."""
        return self.score, *self.row.costs(minimised).values()

    @staticmethod
    def of(row: Record, results: Sequence[Result]) -> Standing | None:
        """From its trainings on one rung; None where one of them failed."""
        scores = [result.score for result in results if result.score is not None]
        if len(scores) < len(results):
            return None
        tests = [result.test for result in results if result.test is not None]
        return Standing(
            row, fmean(scores), stdev(scores) if len(scores) > 1 else None, len(scores), fmean(tests) if tests else None
        )


def climb(
    study: optuna.Study,
    rows: Sequence[Record],
    score: Score,
    target: Target,
    seed: int,
    progress: Progress,
    rungs: int = RUNGS,
    watcher: Watcher = NOBODY,
    limits: Limits = NONE,
) -> list[Standing]:
    """The finalists among the trained candidates, fastest first, the stock model (the first of them) with them; of a
    single rung these are the front, and the front of those that keep the limits.

    Baselines are trained whatever they take. One that breaks a limit must not keep off what keeps it and is worse.
    Results are kept in the study as they come; those that are there are not trained again, unless they failed.
    """
    stock = rows[0]
    standings = [Standing(row, row.point()[0]) for row in rows]
    kept = [standing for standing in standings if limits.kept_by(standing.row.costs(limits.names))]
    if rungs == 1:
        fronts = [of[index] for of in (standings, kept) for index in pareto([s.point(target.minimised) for s in of])]
        front = sorted(dict.fromkeys(fronts), key=lambda standing: standing.point(target.minimised)[1])
        return front + ([] if standings[0] in front else standings[:1])
    standings = kept or standings
    for rung in range(2, rungs + 1):
        points = [standing.point(target.minimised) for standing in standings]
        count = min(len(points), max(LEAST, math.ceil(len(points) / KEPT[rung])))
        rising = list(dict.fromkeys((stock, *(standings[index].row for index in promote(points, count)))))
        seeds = range(seed, seed + (SEEDS if rung == rungs else 1))

        def tell(share: float, before: int = rung - 2) -> None:
            progress((before + share) / (rungs - 1))

        found = _trained(study, rising, rung, seeds, score, target, tell, watcher)
        if broken := next((result for result in found if result.number == stock.number and result.reason), None):
            raise SearchError(f"the stock model could not be trained on rung {rung}: {broken.reason}")
        standings = [s for row in rising if (s := Standing.of(row, [r for r in found if r.number == row.number]))]
    return sorted(standings, key=lambda standing: standing.point()[1])


def noise(standings: Sequence[Standing]) -> str:
    """What seeds alone make of these finalists' scores, pooled over them; nothing where each was trained once."""
    found = [(standing.sd, standing.n) for standing in standings if standing.sd is not None]
    if not found:
        return ""
    sd, n = pooled(found), found[0][1]
    least = CHANCE * sd / n**0.5
    return f"finalists: scores vary by {sd:.3f} between seeds (sd); between means of {n}, below {least:.3f} is noise"


def promote(points: Sequence[Point], count: int) -> list[int]:
    """The indices of ``count`` of these points, latency the first of their costs: of the front those first that add
    most to its hypervolume, and then, layer by layer, what nothing else in its latency band dominates, those first that
    lie least below the front."""
    front = pareto(points)
    layers: dict[int, int] = {}
    by_latency = sorted(range(len(points)), key=lambda index: points[index][1])
    for band in np.array_split(by_latency, min(BANDS, len(points))):
        left, layer = [int(index) for index in band], 0
        while left:
            best = {left[i] for i in pareto([points[index] for index in left])}
            layers |= dict.fromkeys(best - set(front), layer)
            left = [index for index in left if index not in best]
            layer += 1

    def below(index: int) -> float:
        return max(points[i][0] for i in front if dominates(points[i], points[index])) - points[index][0]

    behind = sorted(layers, key=lambda index: (layers[index], below(index), index))
    return [*_by_volume(front, points), *behind][:count]


def _by_volume(front: Sequence[int], points: Sequence[Point]) -> list[int]:
    """The front, each next one adding most to the hypervolume of those before it."""
    scores, *costs = zip(*points, strict=True)
    worst = min(scores), *map(max, costs)

    def volume(indices: Sequence[int]) -> float:
        return hypervolume([points[index] for index in indices], worst)

    picked: list[int] = []
    while left := [index for index in front if index not in picked]:
        picked.append(max(left, key=lambda index: volume([*picked, index])))
    return picked


def _trained(
    study: optuna.Study,
    rows: Sequence[Record],
    rung: int,
    seeds: Sequence[int],
    score: Score,
    target: Target,
    progress: Progress,
    watcher: Watcher,
) -> list[Result]:
    """The results of these candidates on a rung, trained where the study has none."""
    there = {(result.number, result.rung, result.seed): result for result in results(study) if not result.reason}
    wanted = [(row, seed) for row in rows for seed in seeds]
    futures = {}
    for row, seed in wanted:
        if (row.number, rung, seed) not in there:
            member = target.decode(row.arch)
            future = score(target.detector(member), seed, rung=rung, scale=target.scale(member))
            futures[row.number, seed] = future
    found = []
    for row, seed in wanted:
        result = there.get((row.number, rung, seed))
        if result is None:
            result = _result(row, rung, seed, futures[row.number, seed], watcher)
            keep(study, result)
        found.append(result)
        progress(len(found) / len(wanted))
    return found


def _result(row: Record, rung: int, seed: int, future: Future[Outcome], watcher: Watcher) -> Result:
    try:
        outcome = outcome_of(future)
    except (InputError, SearchError):
        raise
    except Exception as error:
        return Result(row.number, rung, seed, None, reason=f"{type(error).__name__}: {error}")
    watcher.promoted(row.number, row.architecture, rung, seed, outcome)
    return Result(row.number, rung, seed, outcome.score, outcome.test, round(outcome.seconds, 3))
