"""Noise of the scores of a search."""

from __future__ import annotations

import statistics
from concurrent.futures import Future
from dataclasses import replace

import pytest

from nas.detectors.rows import Detector
from nas.errors import SearchError
from nas.objectives.target import Target
from nas.proxies.outcome import Outcome
from nas.runs.score_noise import ScoreNoise
from nas.runs.trials import TrialRecord, TrialState
from nas.search.score_noise import measure_score_noise, repeated_trials, spreads
from nas.spaces.space import load_space

TARGET = Target(None, 3, (160,))  # type: ignore[arg-type]
STOCK = str(load_space("tiny").stock())


def rows(*scores: float) -> list[TrialRecord]:
    return [TrialRecord(n, TrialState.TRAINED, STOCK, score=score, latency_ms=10.0) for n, score in enumerate(scores)]


def test_spreads() -> None:
    scores = iter((0.12, 0.18))

    def again(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        assert seed == 5
        future: Future[Outcome] = Future()
        future.set_result(Outcome(next(scores), 0.0, ()))
        return future

    trained = rows(0.1, 0.2, 0.3)
    noise = measure_score_noise(trained, trained[:2], again, TARGET, 4, lambda share: None)
    # Differences of 0.02 between two draws each: sd = 0.02 / sqrt(2).
    assert noise.seeds == pytest.approx(0.02 / 2**0.5)
    assert noise.candidates == noise.equals == pytest.approx(0.1)  # all of one latency
    assert noise.repeats == 2
    assert noise.tells_apart


def test_a_run_that_cannot_tell_says_so() -> None:
    assert "cannot tell" in str(ScoreNoise(seeds=0.02, candidates=0.03, equals=0.03, repeats=3))
    assert "cannot" not in str(ScoreNoise(seeds=0.01, candidates=0.03, equals=0.03, repeats=3))


def test_what_latency_explains_is_left_out_between_equals() -> None:
    """On the line through (log 10, 0.1), (log 100, 0.2) and (log 1000, 0.3) but for 0.01 up, 0.02 down and 0.01 up:
    these have no slope and no mean, so that their squares over one degree of freedom are left."""
    of = zip((10.0, 100.0, 1000.0), (0.11, 0.18, 0.31), strict=True)
    trained = [TrialRecord(n, TrialState.TRAINED, STOCK, score=s, latency_ms=ms) for n, (ms, s) in enumerate(of)]
    candidates, equals = spreads(trained)
    assert equals == pytest.approx((0.0001 + 0.0004 + 0.0001) ** 0.5)
    assert candidates == pytest.approx(statistics.stdev((0.11, 0.18, 0.31)))
    assert spreads(trained[:1]) == (0.0, 0.0)


def test_a_fault_is_not_hidden() -> None:
    trained, broken = rows(0.1, 0.2), Future[Outcome]()
    broken.set_exception(RuntimeError("broken"))
    with pytest.raises(SearchError, match="with another seed; the last: RuntimeError: broken"):
        measure_score_noise(trained, trained, lambda *_, **__: broken, TARGET, 4, lambda share: None)


def test_a_training_that_fails_is_counted_and_the_others_tell() -> None:
    trained, whole, broken = rows(0.1, 0.2, 0.3), Future[Outcome](), Future[Outcome]()
    whole.set_result(Outcome(0.12, 0.0, ()))
    broken.set_exception(RuntimeError("broken"))
    answers = iter((whole, broken))
    noise = measure_score_noise(trained, trained[:2], lambda *_, **__: next(answers), TARGET, 4, lambda share: None)
    assert (noise.repeats, noise.failed) == (1, 1)
    assert noise.seeds == pytest.approx(0.02 / 2**0.5)
    assert "1 of 2 trainings with another seed failed." in str(noise)


def test_repeats_are_chosen_without_looking_at_scores() -> None:
    trained = rows(*(0.1 for _ in range(50)))
    shuffled = [replace(row, score=0.9 if row.number % 7 == 3 else 0.1) for row in trained]
    assert (
        [row.number for row in repeated_trials(trained)]
        == [row.number for row in repeated_trials(shuffled)]
        == [0, 8, 16, 25, 33, 41]
    )
    assert [row.number for row in repeated_trials(trained[:1])] == [0]
