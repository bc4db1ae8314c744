"""The front against its definition."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.engine import Limits, hypervolume, pareto

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30)


def dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] >= b[0] and a[1] <= b[1] and a != b


@given(POINTS)
def test_front_is_exactly_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    front = pareto(points)
    kept = {points[i] for i in front}
    assert kept == {p for p in points if not any(dominates(q, p) for q in points)}
    assert len(kept) == len(front)
    assert [points[i][1] for i in front] == sorted(points[i][1] for i in front)
    assert all(points.index(points[i]) == i for i in front)


@given(POINTS)
def test_the_hypervolume_is_the_cells_that_something_dominates(points: list[tuple[float, float]]) -> None:
    """Latencies are powers of two, so that each cell of score and log latency is as large as any other."""
    cells = {(x, y) for score, power in points for x in range(int(score)) for y in range(int(power), 6)}
    found = hypervolume([(score, 2.0**power) for score, power in points], (0.0, 2.0**6))
    assert found == pytest.approx(len(cells) * math.log(2))


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        pareto([(float("nan"), 1.0)])


def test_limits() -> None:
    limits = Limits(latency=10.0, params=1000)
    violations = limits.violations({"latency": 12.0, "params": 900, "macs": 5})
    assert violations == {"latency": pytest.approx(0.2), "params": pytest.approx(-0.1)}
    assert Limits().violations({"latency": 12.0, "params": 900, "macs": 5}) == {}
