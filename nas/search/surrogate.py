"""A cheap model of scores, and what a candidate can be expected to add to the front.

What a candidate costs is known before anything is trained, so that only the score is uncertain, and the expected
hypervolume improvement has a closed form (Emmerich et al., 2006, with all objectives but one certain).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import ndtr

from nas.objectives.pareto import Point

Values = NDArray[np.float64]

LENGTHS = (0.5, 1.0, 2.0)
"""Length scales that are tried, in units of the median distance between the points."""
NOISES = (0.03, 0.1, 0.3)
"""Shares of the scores' variance that are taken for noise, tried likewise."""
MOST = 150
"""At most so many points, the last ones, decide on length scale and noise: all of them would be slow."""


def tabulate(rows: Sequence[Mapping[str, float]]) -> Values:
    """Named numbers of each point as a table: a column a name, 0 where a point has none of it."""
    columns = {name: column for column, name in enumerate(sorted({name for row in rows for name in row}))}
    table = np.zeros((len(rows), len(columns)))
    for values, row in zip(table, rows, strict=True):
        values[[columns[name] for name in row]] = list(row.values())
    return table


class Surrogate:
    """Scores (N,) at known points (N, D), and what they say of others.

    A Gaussian process (Rasmussen and Williams, 2006, algorithm 2.1) over features that are standardised here, with a
    linear and a squared exponential kernel of equal parts; its length scale and noise are those of LENGTHS and NOISES
    under which the scores are likeliest.
    """

    def __init__(self, known: Values, scores: Values):
        self._centre, self._spread = known.mean(0), known.std(0)
        self._used = self._spread > 1e-9
        self._x = x = self._standard(known)
        self._middle, self._scale = float(scores.mean()), float(scores.std()) or 1.0
        y = (scores - self._middle) / self._scale
        part, of_part = _products(x[-MOST:], x[-MOST:]), y[-MOST:]
        typical = max(float(np.median(part.squared)) ** 0.5, 1e-3)
        options = [(share * typical, noise) for share, noise in itertools.product(LENGTHS, NOISES)]
        self._length, noise = max(options, key=lambda option: _likelihood(part, of_part, *option))
        self._lower = _factor(_products(x, x), self._length, noise)
        self._weights = cho_solve((self._lower, True), y)
        self.fitted = (y - noise * self._weights) * self._scale + self._middle
        """What is expected at the known points."""

    def mean(self, at: Values) -> Values:
        """What is expected at these points (M, D)."""
        return np.asarray(self._cross(at) @ self._weights * self._scale + self._middle)

    def sd(self, at: Values) -> Values:
        """The standard deviation there."""
        x = self._standard(at)
        reduced = solve_triangular(self._lower, self._cross(at).T, lower=True)
        prior = 0.5 + 0.5 * (x * x).mean(1) if x.shape[1] else np.full(len(x), 0.5)
        variance = np.maximum(prior - (reduced * reduced).sum(0), 1e-9)
        return np.asarray(np.sqrt(variance) * self._scale)

    def _cross(self, at: Values) -> Values:
        return _kernel(_products(self._standard(at), self._x), self._length)

    def _standard(self, points: Values) -> Values:
        return np.asarray((points[:, self._used] - self._centre[self._used]) / self._spread[self._used])


def expected_gain(costs: Values, mean: Values, sd: Values, front: Sequence[Point], worst: Point) -> Values:
    """By candidate, the hypervolume that it can be expected to add over score and the logarithms of its costs (M, K).

    ``front`` holds points of a score and K costs, none dominated, or nothing; ``worst`` bounds the volume: the score
    below and the costs above which nothing counts.
    """
    log, ends = np.log(costs), np.log(worst[1:])
    scores = np.array([point[0] for point in front])
    corners = np.log(np.array([point[1:] for point in front], float).reshape(-1, len(ends)))
    # Between the front's costs lie cells in which the best score that is there already is everywhere the same.
    edges = [np.unique([-np.inf, *np.minimum(column, end), end]) for column, end in zip(corners.T, ends, strict=True)]
    gain = np.zeros(len(log))
    for cell in itertools.product(*(itertools.pairwise(of_one) for of_one in edges)):
        start, stop = np.array(cell).T
        there = scores[(corners <= start).all(1)]
        width = np.clip(stop - np.maximum(log, start), 0, None).prod(1)
        gain += width * _above(mean, sd, max(worst[0], there.max(initial=-np.inf)))
    return gain


def _above(mean: Values, sd: Values, level: float) -> Values:
    """How far a normal value lies above a level on average, counting 0 where it lies below."""
    z = (mean - level) / sd
    density = np.exp(-z * z / 2) / sqrt(2 * pi)
    return np.asarray(sd * (z * ndtr(z) + density))


class _Products(NamedTuple):
    """Of every two points: the mean over the features of what they give multiplied, and their squared distance."""

    linear: Values
    squared: Values


def _products(a: Values, b: Values) -> _Products:
    dots: Values = a @ b.T
    squared: Values = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * dots
    return _Products(dots / max(1, a.shape[1]), np.maximum(squared, 0))


def _kernel(of: _Products, length: float) -> Values:
    return np.asarray(0.5 * of.linear + 0.5 * np.exp(-of.squared / (2 * length**2)))


def _factor(of: _Products, length: float, noise: float) -> Values:
    """The lower Cholesky factor of the kernel with noise."""
    return np.asarray(np.linalg.cholesky(_kernel(of, length) + noise * np.eye(len(of.linear))), np.float64)


def _likelihood(of: _Products, y: Values, length: float, noise: float) -> float:
    lower = _factor(of, length, noise)
    half = solve_triangular(lower, y, lower=True)
    return float(-0.5 * half @ half - np.log(np.diag(lower)).sum())
