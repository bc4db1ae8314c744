"""Non-dominated points of score (up) and costs (down), latency the first of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, ...]
"""A score and its costs."""


def pareto(points: Sequence[Point]) -> list[int]:
    """Indices of the non-dominated points, fastest first.

    A point is dominated when another is at least as good in all and better in one; of equal points the first stays, so
    that the result is mutually non-dominated and without repeats. NaN is a fault of the caller: ValueError.
    """
    if any(value != value for point in points for value in point):
        raise ValueError("a NaN has no place on a Pareto front")
    kept: list[int] = []
    # In this order nothing is dominated by what comes after it.
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0], points[i][2:], i)):
        if not any(dominates(points[k], points[index]) for k in kept):
            kept.append(index)
    return kept


def dominates(one: Point, other: Point) -> bool:
    """Whether it is at least as good in all; equal points dominate each other."""
    return one[0] >= other[0] and all(mine <= its for mine, its in zip(one[1:], other[1:], strict=True))


def hypervolume(points: Sequence[Point], worst: Point) -> float:
    """What these points dominate, over score and the logarithms of the costs; ``worst`` bounds it: the score below and
    the costs above which nothing counts, and none of the points lies."""
    if len(worst) == 1:
        return max((score - worst[0] for (score,) in points), default=0.0)
    # Slices of the last cost: each holds what the points that cost no more make of the others.
    ascending = sorted(points, key=lambda point: point[-1])
    edges = [*(math.log(point[-1]) for point in ascending), math.log(worst[-1])]
    slices = ([point[:-1] for point in ascending[:count]] for count in range(1, len(ascending) + 1))
    return sum((b - a) * hypervolume(held, worst[:-1]) for held, (a, b) in zip(slices, pairwise(edges), strict=True))
