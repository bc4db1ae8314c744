"""A cheap model of scores, and what a candidate can be expected to add to the front.

Latency is known before anything is trained, so that only the score is uncertain, and the expected hypervolume
improvement has a closed form (Emmerich et al., 2006, with one objective certain).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import erf, pi, sqrt

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LENGTHS = (0.5, 1.0, 2.0)
"""Length scales that are tried, in units of the median distance between the points."""
NOISES = (0.03, 0.1, 0.3)
"""Shares of the scores' variance that are taken for noise, tried likewise."""
MOST = 300
"""At most so many points, the last ones, decide on length scale and noise: all of them would be slow."""


def posterior(known: Values, scores: Values, asked: Values) -> tuple[Values, Values]:
    """Mean and standard deviation of the score at ``asked`` (M, D), from ``scores`` (N,) at ``known`` (N, D).

    A Gaussian process (Rasmussen and Williams, 2006, algorithm 2.1) over features that are standardised here, with a
    linear and a squared exponential kernel of equal parts; its length scale and noise are those of LENGTHS and NOISES
    under which the scores are likeliest.
    """
    centre, spread = known.mean(0), known.std(0)
    used = spread > 1e-9
    x, at = ((points[:, used] - centre[used]) / spread[used] for points in (known, asked))
    middle, scale = float(scores.mean()), float(scores.std()) or 1.0
    y = (scores - middle) / scale
    length = max(float(np.median(_distances(x[-MOST:], x[-MOST:]))) ** 0.5, 1e-3)
    options = [(part * length, noise) for part, noise in itertools.product(LENGTHS, NOISES)]
    part = x[-MOST:], y[-MOST:]
    length, noise = max(options, key=lambda option: _likelihood(*part, *option))
    lower = np.linalg.cholesky(_kernel(x, x, length) + noise * np.eye(len(x)))
    cross = _kernel(at, x, length)
    weights = np.linalg.solve(lower.T, np.linalg.solve(lower, y))
    reduced = np.linalg.solve(lower, cross.T)
    prior = 0.5 + 0.5 * (at * at).mean(1) if at.shape[1] else np.full(len(at), 0.5)
    variance = np.maximum(prior - (reduced * reduced).sum(0), 1e-9)
    return cross @ weights * scale + middle, np.sqrt(variance) * scale


def expected_gain(
    latency: Values, mean: Values, sd: Values, front: Sequence[tuple[float, float]], worst: tuple[float, float]
) -> Values:
    """By candidate, the hypervolume that it can be expected to add over log latency and score.

    ``front`` holds (score, latency) pairs, none dominated, fastest first; ``worst`` bounds the volume: the score below
    and the latency above which nothing counts.
    """
    log, floor, end = np.log(latency), worst[0], np.log(worst[1])
    starts = [-np.inf, *(np.log(point[1]) for point in front)]
    levels = [floor, *(max(floor, point[0]) for point in front)]
    gain = np.zeros(len(latency))
    for start, stop, level in zip(starts, [*starts[1:], end], levels, strict=True):
        width = np.clip(min(stop, end) - np.maximum(log, start), 0, None)
        gain += width * _above(mean, sd, level)
    return gain


def _above(mean: Values, sd: Values, level: float) -> Values:
    """How far a normal value lies above a level on average, counting 0 where it lies below."""
    z = (mean - level) / sd
    density = np.exp(-z * z / 2) / sqrt(2 * pi)
    share = np.array([0.5 * (1 + erf(value / sqrt(2))) for value in z])
    return np.asarray(sd * (z * share + density))


def _kernel(a: Values, b: Values, length: float) -> Values:
    linear: Values = a @ b.T / max(1, a.shape[1])
    near: Values = np.exp(-_distances(a, b) / (2 * length**2))
    return np.asarray(0.5 * linear + 0.5 * near)


def _distances(a: Values, b: Values) -> Values:
    """Squared."""
    squared: Values = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
    return np.maximum(squared, 0)


def _likelihood(x: Values, y: Values, length: float, noise: float) -> float:
    lower = np.linalg.cholesky(_kernel(x, x, length) + noise * np.eye(len(x)))
    half = np.linalg.solve(lower, y)
    return float(-0.5 * half @ half - np.log(np.diag(lower)).sum())
