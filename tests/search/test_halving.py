"""From the trained candidates to the finalists."""

from __future__ import annotations

import statistics
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from nas.config import RUNGS
from nas.detectors.rows import Detector
from nas.errors import SearchError
from nas.objectives.limits import Limits
from nas.objectives.pareto import pareto
from nas.objectives.target import Target
from nas.progress import silent
from nas.proxies.outcome import Outcome
from nas.runs.study import open_study
from nas.runs.trials import TrialRecord, TrialState, read_trials, rung_results, trials_frame
from nas.search.halving import Halving, Standing, finalists_noise, promote
from nas.spaces.architecture import decode
from nas.spaces.space import load_space

SPACE = load_space("yolov8n")
TARGET = Target(None, 3, (160,))  # type: ignore[arg-type]


class Scorer:
    """Longer trainings of architectures score what is said here; a test score is half of it."""

    def __init__(self, truth: dict[str, float]):
        self.truth = {repr(decode(arch).detector(3)): score for arch, score in truth.items()}
        self.asked: list[tuple[int, int]] = []
        self.fault: Any = lambda rung, score: None

    def __call__(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        self.asked.append((rung, seed))
        future: Future[Outcome] = Future()
        score = self.truth[repr(detector)]
        try:
            self.fault(rung, score)
        except Exception as error:
            future.set_exception(error)
        else:
            test = score / 2 if rung == RUNGS else None
            future.set_result(Outcome(score + 0.01 * seed, 1.0, (), test_score=test))
        return future


def none_left(rung: int, score: float) -> None:
    raise MemoryError("none left")


def trained(count: int) -> list[TrialRecord]:
    """The stock model first; scores rise with latency, but for noise."""
    rng = np.random.default_rng(3)
    members = list(dict.fromkeys([SPACE.stock(), *(SPACE.random(rng) for _ in range(count - 1))]))
    latency = rng.uniform(10, 40, len(members))
    scores = 0.01 * latency + rng.normal(0, 0.05, len(members))
    return [
        TrialRecord(i, TrialState.TRAINED, str(member), score=float(s), latency_ms=float(t))
        for i, (member, s, t) in enumerate(zip(members, scores, latency, strict=True))
    ]


def halved(study: optuna.Study, rows: list[TrialRecord], score: Any, **options: Any) -> list[Standing]:
    """The finalists of these candidates."""
    progress = options.pop("progress", silent)
    return Halving(study, score, TARGET, **({"seed": 0, "rungs": RUNGS} | options)).run(rows, progress)


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return open_study(f"sqlite:///{tmp_path / 'study.db'}", "study", "AP50-95 (proxy)")


def test_promotion_takes_the_front_and_its_neighbours_from_every_band() -> None:
    rows = trained(40)
    points = [(row.score or 0.0, row.latency_ms or 0.0) for row in rows]
    front = pareto(points)
    assert set(front) <= set(promote(points, len(front)))
    picked = promote(points, len(front) + 8)
    assert len(picked) == len(set(picked)) == len(front) + 8
    edges = np.quantile([latency for _, latency in points], (0.25, 0.5, 0.75))
    bands = [int(np.searchsorted(edges, points[index][1])) for index in picked if index not in front]
    assert set(bands) == {0, 1, 2, 3}
    # In a band, nothing that was left behind dominates one that was taken.
    for index in picked:
        rivals = [
            other
            for other in range(len(points))
            if other not in picked
            and points[other][0] > points[index][0]
            and points[other][1] < points[index][1]
            and np.searchsorted(edges, points[other][1]) == np.searchsorted(edges, points[index][1])
        ]
        assert not rivals
    assert promote(points, len(points)) and sorted(promote(points, 40)) == list(range(40))


def test_longer_trainings_decide_who_is_a_finalist(study: optuna.Study) -> None:
    rows = trained(40)
    truth = {row.arch: 0.5 - abs(index - 20) / 100 for index, row in enumerate(rows)}
    scorer = Scorer(truth)
    shares: list[float] = []
    finalists = halved(study, rows, scorer, seed=5, progress=shares.append)
    # A third of 40 and half of these, and the stock model where it is not among them; the finalists twice.
    assert sum(rung == 2 for rung, _ in scorer.asked) in {14, 15}
    assert sum(rung == 3 for rung, _ in scorer.asked) in {14, 16}
    assert {seed for rung, seed in scorer.asked if rung == 2} == {5}
    assert {seed for rung, seed in scorer.asked if rung == 3} == {5, 6}
    assert rows[0] in [finalist.row for finalist in finalists]
    assert [f.row.latency_ms for f in finalists] == sorted(f.row.latency_ms or 0 for f in finalists)
    for finalist in finalists:
        assert finalist.n == 2
        assert finalist.score == pytest.approx(truth[finalist.row.arch] + 0.055)
        assert finalist.sd == pytest.approx(statistics.stdev((0.05, 0.06)))
        assert finalist.test == pytest.approx(truth[finalist.row.arch] / 2)
    assert shares[-1] == 1 and shares == sorted(shares)
    second = {result.number: result.score for result in rung_results(study) if result.rung == 2}
    best = max(second, key=lambda number: second[number] or 0.0)
    assert best in [finalist.row.number for finalist in finalists]


def test_noise_of_finalists_is_pooled_over_them() -> None:
    row = trained(1)[0]
    # Two seeds each, 0.02 and 0.04 apart: sd 0.02 / sqrt(2) and 0.04 / sqrt(2), pooled sqrt(0.0005).
    finalists = [Standing(row, 0.3, sd, 2) for sd in (0.02 / 2**0.5, 0.04 / 2**0.5)]
    assert finalists_noise(finalists) == (
        f"Finalists: standard deviation {0.0005**0.5:.3f} between seeds. Differences of means of 2 below "
        f"{2.77 * 0.0005**0.5 / 2**0.5:.3f} are noise."
    )
    assert finalists_noise([Standing(row, 0.3)]) == ""


def test_what_the_study_has_is_not_trained_again(study: optuna.Study) -> None:
    rows = trained(12)
    whole, broken = (Scorer({row.arch: 0.3 + row.number / 100 for row in rows}) for _ in range(2))

    class Killed(BaseException):
        """State after SIGKILL."""

    other = open_study("sqlite://", "other", "AP50-95 (proxy)")
    for stop in (2, 5, 7):

        def kill(rung: int, score: float, stop: int = stop) -> None:
            if len(rung_results(other)) >= stop:
                raise Killed

        broken.fault = kill
        with pytest.raises(Killed):
            halved(other, rows, Late(broken))
    broken.fault = lambda rung, score: None
    again = halved(other, rows, Late(broken))
    assert again == halved(study, rows, whole)
    assert len(rung_results(other)) == len(whole.asked)
    assert halved(other, rows, _never) == again


class Late:
    """Trains when the result is asked for, so that a kill finds some done and others not."""

    def __init__(self, scorer: Scorer):
        self.scorer = scorer

    def __call__(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        scorer = self.scorer

        class Pending(Future[Outcome]):
            def done(self) -> bool:
                return True

            def result(self, timeout: float | None = None) -> Outcome:
                return scorer(detector, seed, rung=rung).result()

        return Pending()


def _never(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
    raise AssertionError("trained again")


def test_a_candidate_that_fails_on_a_rung_falls_out_with_its_reason(study: optuna.Study) -> None:
    rows = trained(12)
    scorer = Scorer({row.arch: 0.3 + row.number / 100 for row in rows})

    def fault(rung: int, score: float) -> None:
        if rung == 2 and score > 0.3:
            raise MemoryError("none left")

    scorer.fault = fault
    finalists = halved(study, rows, scorer)
    assert [finalist.row for finalist in finalists] == [rows[0]]
    reasons = {result.reason for result in rung_results(study) if result.score is None}
    assert reasons == {"MemoryError: none left"}


def test_without_the_stock_model_there_is_nothing_to_compare_with(study: optuna.Study) -> None:
    rows = trained(6)
    scorer = Scorer({row.arch: 0.3 for row in rows})

    scorer.fault = none_left
    with pytest.raises(SearchError, match="the stock model could not be trained on rung 2: MemoryError: none left"):
        halved(study, rows, scorer)


@pytest.mark.parametrize("rungs", [1, 2, 3])
def test_what_breaks_a_limit_keeps_nothing_off_the_front(study: optuna.Study, rungs: int) -> None:
    """Baselines are trained whatever they take; here the stock model beats all that keep the limit."""
    rows = [replace(row, params=100 if index else 1000) for index, row in enumerate(trained(8))]
    rows[0] = replace(rows[0], score=0.9, latency_ms=0.1)
    scorer, limits = Scorer({row.arch: row.score or 0.0 for row in rows}), Limits(params=500)
    finalists = halved(study, rows, scorer, rungs=rungs, limits=limits)
    best = max(rows[1:], key=lambda row: row.score or 0.0)
    assert {rows[0], best} <= {finalist.row for finalist in finalists}


def test_what_failed_on_a_rung_is_trained_again(study: optuna.Study) -> None:
    """When the run is taken up: the memory, or the time limit, is another by then."""
    rows = trained(6)
    scorer = Scorer({row.arch: 0.3 for row in rows})

    scorer.fault = none_left
    with pytest.raises(SearchError, match="on rung 2"):
        halved(study, rows, scorer)
    scorer.fault = lambda rung, score: None
    assert rows[0] in [finalist.row for finalist in halved(study, rows, scorer)]


def test_trials_csv_shows_the_rung_and_every_score(study: optuna.Study) -> None:
    member = SPACE.stock()
    study.enqueue_trial(SPACE.parameters(member))
    trial = study.ask()
    SPACE.suggest(trial)
    for name, value in {"arch": str(member), "latency_ms": 10.0, "rung": 1, "params": 1, "macs": 2}.items():
        trial.set_user_attr(name, value)
    study.tell(trial, (0.2, 10.0))
    (row,) = read_trials(study)
    scorer = Scorer({row.arch: 0.4})
    halved(study, [row], scorer)
    (shown,) = trials_frame(read_trials(study)).to_dict("records")
    assert (shown["rung"], shown["score"]) == (3, 0.2)
    assert shown["score_rung_2"] == pytest.approx(0.4) and shown["score_rung_3"] == pytest.approx(0.405)
