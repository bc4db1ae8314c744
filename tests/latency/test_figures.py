"""The report card's figures, against published examples, closed formulas and whole-number arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.latency.error_figures import figures

NAMES = [
    "within_5pct",
    "within_10pct",
    "mean_error",
    "worst_error",
    "bias",
    "spearman",
    "kendall",
    "iso_pairs",
    "iso_count",
    "retest_spearman",
    "retest_mean_error",
    "retest_worst_error",
    "retest_kendall",
    "retest_iso_pairs",
]


def times(low: int = 1) -> st.SearchStrategy[list[tuple[int, int, int]]]:
    """Predicted, first and second of some models: small whole numbers, so that ties and bounds are met."""
    return st.lists(st.tuples(*[st.integers(low, 60)] * 3), min_size=1, max_size=12)


def of(models: Sequence[tuple[float, float, float]]) -> dict[str, float | None]:
    predicted, first, second = zip(*models, strict=True)
    return figures(predicted, first, second)


def told(predicted: Sequence[float], measured: Sequence[float]) -> dict[str, float | None]:
    return figures(predicted, measured, measured)


def test_by_hand() -> None:
    found = figures([10.5, 20, 27, 33], [10, 19, 30, 29], [10, 21, 30, 31])
    assert set(NAMES) <= set(found)
    # Measured 10, 20, 30, 30: errors +5 %, 0, -10 %, +10 %.
    assert found["within_5pct"] == 0.5
    assert found["within_10pct"] == 1
    assert found["mean_error"] == pytest.approx(0.25 / 4)
    assert found["worst_error"] == pytest.approx(0.1)
    assert found["bias"] == pytest.approx(0.05 / 4)
    # The only pair within 10 % is equal, and has no right order.
    assert (found["iso_pairs"], found["iso_count"]) == (None, 0)
    # Ranks 1 2 3 4 against 1 2 3.5 3.5; five of six pairs count on one side, six on the other.
    assert found["spearman"] == pytest.approx(4.5 / (5 * 4.5) ** 0.5)
    assert found["kendall"] == pytest.approx(5 / 30**0.5)
    # The first measuring for the second: errors 0, -2/21, 0, -2/31; 30 and 31 are within 10 %, and swapped.
    assert found["retest_mean_error"] == pytest.approx((2 / 21 + 2 / 31) / 4)
    assert found["retest_worst_error"] == pytest.approx(2 / 21)
    assert (found["retest_iso_pairs"], found["retest_iso_count"]) == (0, 1)
    assert found["retest_kendall"] == pytest.approx((5 - 1) / 6)
    assert found["retest_spearman"] == pytest.approx(1 - 6 * 2 / (4 * 15))


def test_published_examples_with_ties() -> None:
    """Those of SciPy's documentation, of spearmanr and kendalltau; its latency of 0 is moved up by 1."""
    assert told([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])["spearman"] == pytest.approx(0.8207826816681233, rel=1e-12)
    assert told([12, 2, 1, 12, 2], [2, 5, 8, 2, 1])["kendall"] == pytest.approx(-0.47140452079103173, rel=1e-12)


@settings(deadline=None)
@given(st.permutations(range(1, 9)))
def test_formulas_without_ties(predicted: list[int]) -> None:
    found, n = told(predicted, range(1, 9)), 8
    squares = sum((p - m) ** 2 for p, m in zip(predicted, range(1, 9), strict=True))
    swapped = sum(a > b for a, b in combinations(predicted, 2))
    assert found["spearman"] == pytest.approx(1 - 6 * squares / (n * (n * n - 1)))
    assert found["kendall"] == pytest.approx(1 - 4 * swapped / (n * (n - 1)))


@settings(deadline=None)
@given(times())
def test_shares_by_whole_numbers(models: list[tuple[int, int, int]]) -> None:
    """Twice the measured latency is the sum of both measurings: nothing has to be rounded."""
    found = of(models)
    for name, parts in (("within_5pct", 20), ("within_10pct", 10)):
        kept = sum(parts * abs(2 * p - (a + b)) <= a + b for p, a, b in models)
        assert found[name] == pytest.approx(kept / len(models))
    points = []
    for (p, a, b), (q, c, d) in combinations(models, 2):
        slow, fast = max(a + b, c + d), min(a + b, c + d)
        if slow != fast and 10 * slow <= 11 * fast:
            points.append(0.5 if p == q else float((p > q) == (a + b > c + d)))
    assert found["iso_count"] == len(points)
    assert found["iso_pairs"] == (pytest.approx(sum(points) / len(points)) if points else None)


@settings(deadline=None)
@given(times())
def test_ranks_alone_count(models: list[tuple[int, int, int]]) -> None:
    """A rising change of the prediction changes no order; a falling one turns it round."""
    found = of(models)
    rising, falling = of([(p * p, a, b) for p, a, b in models]), of([(61 - p, a, b) for p, a, b in models])
    for name in ("spearman", "kendall", "iso_pairs"):
        assert rising[name] == found[name]
        value = found[name]
        turned = None if value is None else pytest.approx(1 - value if name == "iso_pairs" else -value)
        assert falling[name] == turned


@settings(deadline=None)
@given(times())
def test_units_and_the_order_of_the_models_do_not_count(models: list[tuple[int, int, int]]) -> None:
    found = of(models)
    for other in (of([(p / 8, a / 8, b / 8) for p, a, b in models]), of(models[::-1])):
        assert set(other) == set(found)
        for name, value in found.items():
            assert other[name] == (None if value is None else pytest.approx(value))


@settings(deadline=None)
@given(times())
def test_the_retest_is_one_measuring_predicting_the_other(models: list[tuple[int, int, int]]) -> None:
    found, plain = of(models), of([(a, b, b) for _, a, b in models])
    for name in plain:
        if not name.startswith("retest_"):
            assert found[f"retest_{name}"] == plain[name]


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), min_size=2, max_size=12))
def test_a_faultless_prediction(latencies: list[int]) -> None:
    found = told(latencies, latencies)
    assert (found["within_5pct"], found["mean_error"], found["worst_error"], found["bias"]) == (1, 0, 0, 0)
    defined = len(set(latencies)) > 1
    assert found["spearman"] == found["kendall"] == (pytest.approx(1) if defined else None)
    assert found["iso_pairs"] in {None, 1}


def test_equal_predictions_order_half() -> None:
    assert told([5, 5], [100, 105])["iso_pairs"] == 0.5
    assert told([5, 5], [100, 105])["spearman"] is None


@pytest.mark.parametrize("lists", [([], [], []), ([1, 2], [1], [1, 2]), ([1], [0], [1]), ([float("nan")], [1], [1])])
def test_refused(lists: tuple[list[float], list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="the figures need"):
        figures(*lists)
