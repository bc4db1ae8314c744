"""The front against its definition."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.objectives.limits import Limits
from nas.objectives.pareto import hypervolume, pareto

Points = list[tuple[float, ...]]

COST = st.integers(0, 6)
POINTS = st.lists(st.tuples(COST, COST), max_size=30) | st.lists(st.tuples(COST, COST, COST), max_size=30)


def dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] >= b[0] and all(mine <= its for mine, its in zip(a[1:], b[1:], strict=True)) and a != b


@given(POINTS)
def test_front_is_exactly_what_nothing_dominates(points: Points) -> None:
    front = pareto(points)
    kept = {points[i] for i in front}
    assert kept == {p for p in points if not any(dominates(q, p) for q in points)}
    assert len(kept) == len(front)
    assert [points[i][1] for i in front] == sorted(points[i][1] for i in front)
    assert all(points.index(points[i]) == i for i in front)


@given(POINTS)
def test_the_hypervolume_is_the_cells_that_something_dominates(points: Points) -> None:
    """Costs are powers of two, so that each cell of score and logarithms is as large as any other."""
    costs = len(points[0]) - 1 if points else 1
    cells = set()
    for score, *powers in points:
        cells |= set(itertools.product(range(int(score)), *(range(int(power), 6) for power in powers)))
    found = hypervolume(
        [(score, *(2.0**power for power in powers)) for score, *powers in points], (0, *[2.0**6] * costs)
    )
    assert found == pytest.approx(len(cells) * math.log(2) ** costs)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        pareto([(float("nan"), 1.0)])


def test_limits() -> None:
    limits = Limits(latency=10.0, params=1000)
    violations = limits.violations({"latency": 12.0, "params": 900, "macs": 5})
    assert violations == {"latency": pytest.approx(0.2), "params": pytest.approx(-0.1)}
    assert Limits().violations({"latency": 12.0, "params": 900, "macs": 5}) == {}
