"""Noise of the scores of a search."""

from __future__ import annotations

import statistics
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nas.detectors.rows import Detector
from nas.errors import SearchError
from nas.objectives.target import Target
from nas.proxies.outcome import Outcome
from nas.proxies.recipe import Recipe
from nas.runs.score_noise import ScoreNoise
from nas.runs.trials import TrialRecord, TrialState
from nas.search.score_noise import advice, measure_score_noise, repeated_trials, spreads
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


def test_scores_close_to_zero_are_no_noise_but_no_learning() -> None:
    equal = ScoreNoise(seeds=0.02, candidates=0.03, equals=0.03, repeats=3, trained=9, highest=0.4)
    zero = ScoreNoise(seeds=1e-5, candidates=1e-4, equals=1e-4, repeats=3, trained=9, highest=0.0002)
    assert (equal.nothing_learned, equal.verdict) == (False, "the scores differ only by noise")
    assert (zero.nothing_learned, zero.verdict) == (True, "no candidate learned its task")
    assert not zero.tells_apart and "highest score is 0.0002" in str(zero)
    assert replace(zero, highest=None).tells_apart  # a proxy whose scores are no AP, or an earlier release
    assert replace(zero, highest=0.3).tells_apart and not replace(zero, highest=0.3).verdict
    assert not replace(zero, trained=1).nothing_learned  # one candidate says nothing about the others


def test_the_highest_score_is_that_of_an_ap() -> None:
    trained = rows(0.0001, 0.0003)
    found = [
        measure_score_noise(trained, trained, lambda *_, **__: _scored(0.0), TARGET, 4, lambda share: None, is_ap=is_ap)
        for is_ap in (True, False)
    ]
    assert [noise.highest for noise in found] == [0.0003, None]


@pytest.mark.parametrize(
    ("highest", "imgsz", "words"),
    [
        (0.4, 64, "Give --steps 240 to train each candidate twice as long."),
        (0.0, 64, "Give --proxy-imgsz 128 if the objects are small, and --steps 240, or more, if they are not."),
        (0.0, 96, "Give --proxy-imgsz 160 if the objects are small, and --steps 240, or more, if they are not."),
        (0.0, 160, "Give --steps 240, or more, to train each candidate longer."),
    ],
)
def test_each_verdict_has_its_advice(highest: float, imgsz: int, words: str) -> None:
    proxy = SimpleNamespace(trains=True, recipe=Recipe(steps=120, imgsz=imgsz))
    noise = ScoreNoise(seeds=0.02, candidates=0.03, equals=0.03, repeats=3, trained=9, highest=highest)
    assert advice(noise, proxy, 160) == words  # type: ignore[arg-type]
    assert not advice(noise, SimpleNamespace(trains=False), 160)  # type: ignore[arg-type]
    assert not advice(replace(noise, seeds=0.0, highest=0.4), proxy, 160)  # type: ignore[arg-type]
    assert "budget" in advice(replace(noise, trained=1), proxy, 160)  # type: ignore[arg-type]


def _scored(score: float) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(Outcome(score, 0.0, ()))
    return future


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
