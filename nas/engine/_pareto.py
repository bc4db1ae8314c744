"""Non-dominated points of score (up) and latency (down)."""

from __future__ import annotations

from collections.abc import Sequence


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
