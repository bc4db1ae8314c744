"""Pareto dominance and hypervolume of points that maximize a score and minimize costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, ...]
"""A score and its costs; latency is the first cost."""


def pareto(points: Sequence[Point]) -> list[int]:
    """Indices of the non-dominated points, fastest first.

    Of equal points the first one stays, so the result has no repeats.

    Args:
        points: Points of equal length.

    Raises:
        ValueError: A point contains NaN.
    """
    if any(value != value for point in points for value in point):
        raise ValueError("a point of a Pareto front must not contain NaN")
    front: list[int] = []
    # In this order no point is dominated by a later one.
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0], points[i][2:], i)):
        if not any(dominates(points[k], points[index]) for k in front):
            front.append(index)
    return front


def dominates(one: Point, other: Point) -> bool:
    """Return True if ``one`` is at least as good in every value. Equal points dominate each other."""
    return one[0] >= other[0] and all(mine <= its for mine, its in zip(one[1:], other[1:], strict=True))


def hypervolume(points: Sequence[Point], worst: Point) -> float:
    """Hypervolume that the points dominate, over the score and the logarithms of the costs.

    Args:
        points: Points, none of them worse than ``worst`` in any value.
        worst: Reference point: the lowest score and the highest costs.
    """
    if len(worst) == 1:
        return max((score - worst[0] for (score,) in points), default=0.0)
    # Slice along the last cost. Each slice holds the hypervolume of the points that cost no more.
    ascending = sorted(points, key=lambda point: point[-1])
    edges = [*(math.log(point[-1]) for point in ascending), math.log(worst[-1])]
    slices = ([point[:-1] for point in ascending[:count]] for count in range(1, len(ascending) + 1))
    return sum(
        (b - a) * hypervolume(inside, worst[:-1]) for inside, (a, b) in zip(slices, pairwise(edges), strict=True)
    )
