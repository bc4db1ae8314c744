"""Non-dominated points of score (up) and latency (down)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the non-dominated (score, latency) pairs, fastest first.

    A point is dominated when another is at least as good in both and better in one; of equal points the first stays,
    so that the result is mutually non-dominated and without repeats. NaN is a fault of the caller: ValueError.
    """
    if any(score != score or latency != latency for score, latency in points):
        raise ValueError("a NaN has no place on a Pareto front")
    best, kept = float("-inf"), []
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0], i)):
        if points[index][0] > best:
            best = points[index][0]
            kept.append(index)
    return kept


def hypervolume(points: Sequence[tuple[float, float]], worst: tuple[float, float]) -> float:
    """What these (score, latency) pairs dominate, over score and log latency; ``worst`` bounds it: the score below and
    the latency above which nothing counts, and none of the points lies."""
    floor, end = worst
    front = [points[index] for index in pareto(points)]
    edges = [*(math.log(latency) for _, latency in front), math.log(end)]
    return sum((b - a) * (score - floor) for (score, _), (a, b) in zip(front, pairwise(edges), strict=True))
