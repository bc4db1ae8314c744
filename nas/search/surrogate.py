"""Surrogate of the scores, and the expected hypervolume improvement of a candidate.

The costs of a candidate are known before training; only its score is uncertain. The expected hypervolume improvement
then has a closed form (Emmerich et al., "Single- and multiobjective evolutionary optimization assisted by Gaussian
random field metamodels", 2006, with all objectives but one certain).
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
"""Candidate length scales, in units of the median distance between the points."""
NOISES = (0.03, 0.1, 0.3)
"""Candidate shares of the scores' variance that count as noise."""
MOST = 150
"""The last points that select length scale and noise, at most this many. More would be slow."""


def tabulate(rows: Sequence[Mapping[str, float]]) -> Values:
    """Named numbers as a matrix (N, D).

    Args:
        rows: The numbers of each point by name. A missing name becomes 0.

    Returns:
        One column for each name, in alphabetical order.
    """
    columns = {name: column for column, name in enumerate(sorted({name for row in rows for name in row}))}
    table = np.zeros((len(rows), len(columns)))
    for values, row in zip(table, rows, strict=True):
        values[[columns[name] for name in row]] = list(row.values())
    return table


class Surrogate:
    """Gaussian process over scores (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006,
    algorithm 2.1).

    It standardizes the features. The kernel is the mean of a linear and a squared exponential kernel. Length scale and
    noise are those of `LENGTHS` and `NOISES` with the largest likelihood.

    Args:
        known: Features (N, D).
        scores: Scores (N,).
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
        """Smoothed scores at the known points, (N,)."""

    def mean(self, at: Values) -> Values:
        """Expected scores (M,) at points (M, D)."""
        return np.asarray(self._cross(at) @ self._weights * self._scale + self._middle)

    def sd(self, at: Values) -> Values:
        """Standard deviations (M,) of the scores at points (M, D)."""
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
    """Expected hypervolume improvement of each candidate, over the score and the logarithms of the costs.

    Args:
        costs: Costs (M, K).
        mean: Expected scores (M,).
        sd: Standard deviations of the scores (M,).
        front: Non-dominated points of a score and K costs; may be empty.
        worst: Reference point of the hypervolume: the lowest score and the highest costs.

    Returns:
        Improvements (M,).
    """
    log, ends = np.log(costs), np.log(worst[1:])
    scores = np.array([point[0] for point in front])
    corners = np.log(np.array([point[1:] for point in front], float).reshape(-1, len(ends)))
    # The front's costs divide the space into cells. The front has one best score in each cell.
    edges = [np.unique([-np.inf, *np.minimum(column, end), end]) for column, end in zip(corners.T, ends, strict=True)]
    gain = np.zeros(len(log))
    for cell in itertools.product(*(itertools.pairwise(of_one) for of_one in edges)):
        start, stop = np.array(cell).T
        there = scores[(corners <= start).all(1)]
        width = np.clip(stop - np.maximum(log, start), 0, None).prod(1)
        gain += width * _above(mean, sd, max(worst[0], there.max(initial=-np.inf)))
    return gain


def _above(mean: Values, sd: Values, level: float) -> Values:
    """Expected excess of normal values over a level; values below the level count 0."""
    z = (mean - level) / sd
    density = np.exp(-z * z / 2) / sqrt(2 * pi)
    return np.asarray(sd * (z * ndtr(z) + density))


class _Products(NamedTuple):
    """For every pair of points: mean product of their features, and squared distance."""

    linear: Values
    squared: Values


def _products(a: Values, b: Values) -> _Products:
    dots: Values = a @ b.T
    squared: Values = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * dots
    return _Products(dots / max(1, a.shape[1]), np.maximum(squared, 0))


def _kernel(of: _Products, length: float) -> Values:
    return np.asarray(0.5 * of.linear + 0.5 * np.exp(-of.squared / (2 * length**2)))


def _factor(of: _Products, length: float, noise: float) -> Values:
    """Lower Cholesky factor of the kernel with noise."""
    return np.asarray(np.linalg.cholesky(_kernel(of, length) + noise * np.eye(len(of.linear))), np.float64)


def _likelihood(of: _Products, y: Values, length: float, noise: float) -> float:
    lower = _factor(of, length, noise)
    half = solve_triangular(lower, y, lower=True)
    return float(-0.5 * half @ half - np.log(np.diag(lower)).sum())
