"""The model of a run that is recommended, and the reason for it."""

from __future__ import annotations

import pytest

from nas.errors import ConfigError
from nas.runs.recommendation import recommend
from tests.runs.finalists import finalist

FRONT = [finalist("01-a", 0.1, 10), finalist("02-b", 0.2, 20), finalist("03-stock", 0.3, 30, stock=True)]


def test_the_most_accurate_model_is_recommended() -> None:
    model, reason = recommend(FRONT)
    assert model.name == "03-stock"
    assert reason == "the most accurate of the 3 models of the front; it is the stock model"


def test_bounds() -> None:
    assert recommend(FRONT, max_latency=25) == (FRONT[1], "the most accurate of the 2 models within 25 ms")
    assert recommend(FRONT, max_latency=10) == (FRONT[0], "the only model within 10 ms")
    model, reason = recommend(FRONT, min_score=0.15)
    assert (model.name, reason) == ("02-b", "the fastest of the 2 models with a score of at least 0.15")
    model, reason = recommend(FRONT, max_latency=25, min_score=0.1)
    expected = "the most accurate of the 2 models within 25 ms and with a score of at least 0.1"
    assert (model.name, reason) == ("02-b", expected)


def test_of_noisy_scores_the_fastest_model_is_recommended() -> None:
    model, reason = recommend(FRONT, doubt="the scores differ only by noise")
    assert model.name == "01-a"
    assert reason == "the fastest of the 3 models of the front, since the scores differ only by noise"


def test_a_faster_model_of_the_same_score_wins_and_rejected_ones_do_not_count() -> None:
    others = [finalist("", 0.9, 1, rejected="over the limit on params"), finalist("00-c", 0.3, 29, latency_ms=None)]
    model, reason = recommend([*FRONT, *others], max_latency=40)
    assert model.name == "00-c"
    assert reason.endswith("within 40 ms; latency is predicted, not measured")


def test_bounds_that_no_model_meets() -> None:
    with pytest.raises(ConfigError) as error:
        recommend(FRONT, max_latency=9)
    assert (error.value.field, error.value.hint) == (
        "max_latency",
        "raise it: the fastest one, 01-a, takes 10.00 ms and scores 0.1000",
    )
    with pytest.raises(ConfigError) as error:
        recommend(FRONT, min_score=0.4)
    hint = "lower it: the most accurate one, 03-stock, takes 30.00 ms and scores 0.3000"
    assert (error.value.field, error.value.hint) == ("min_score", hint)
    with pytest.raises(ConfigError, match="no model meets the limits of the run"):
        recommend([])


def test_trained_models_are_chosen_by_ap() -> None:
    front = [finalist("01-a", 0.9, 10, ap=0.3), finalist("02-b", 0.1, 20, ap=0.4)]
    assert recommend(front).model.name == "02-b"
    assert recommend(front, min_score=0.25) == (front[0], "the fastest of the 2 models with an AP of at least 0.25")
    with pytest.raises(ConfigError) as error:
        recommend(front, min_score=0.5)
    assert error.value.hint == "lower it: the most accurate one, 02-b, takes 20.00 ms and has AP 0.4000"
