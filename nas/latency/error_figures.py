"""Error figures of a report card: agreement between predicted and measured latencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Figures = dict[str, float | None]

EQUAL = 0.10
"""Two models have equal latency if the slower one takes at most this share longer."""


def figures(predicted: Sequence[float], first: Sequence[float], second: Sequence[float]) -> Figures:
    """Compare predicted latencies with measured ones, and two measurements with each other.

    The measured latency is the mean of both measurements. A model's error is predicted / measured - 1. Shares are
    fractions of 1. The figures are:

    * ``within_5pct``, ``within_10pct``: share of models whose absolute error is at most that;
    * ``mean_error``, ``worst_error``: mean and largest absolute error;
    * ``bias``: mean signed error, above 0 if predictions are too slow;
    * ``spearman``: rank correlation; equal latencies share their mean rank;
    * ``kendall``: Kendall's tau-b;
    * ``iso_pairs``: share of pairs of equal latency that the prediction orders correctly. A pair counts if its measured
      latencies differ by at most 10 % of the faster one's, and not by 0. Equal predictions count half;
    * ``iso_count``: number of these pairs;
    * ``retest_...``: the same figures for the first measurement as the prediction and the second as the truth. They are
      the ceiling for a prediction. A perfect one may exceed it a little, because it has no noise of its own and is
      compared with a mean.

    Args:
        predicted: Predicted latencies in ms.
        first: Latencies of the same models in ms, from a first measurement.
        second: The same from a second measurement.

    Returns:
        The figures. None stands for an undefined one: a correlation of fewer than two different latencies, or a share
        of no pairs.

    Raises:
        ValueError: There are no models, the lengths differ, or a latency is not finite or not above 0.
    """
    lists = [np.asarray(values, dtype=np.float64) for values in (predicted, first, second)]
    if len({values.shape for values in lists}) > 1 or lists[0].ndim != 1 or not len(lists[0]):
        raise ValueError("the figures need three lists of latencies of the same models, at least one")
    if not all((np.isfinite(values) & (values > 0)).all() for values in lists):
        raise ValueError("the figures need latencies in ms that are finite and above 0")
    guess, once, again = lists
    found = _agreement(guess, (once + again) / 2)
    return found | {f"retest_{name}": value for name, value in _agreement(once, again).items()}


def _agreement(guess: Array, truth: Array) -> Figures:
    from scipy import stats

    errors = guess / truth - 1
    # The tolerance keeps an error on the bound within it.
    size = np.abs(errors) - 1e-12
    earlier, later = np.triu_indices(len(guess), 1)
    order_guess, order = (np.sign(values[later] - values[earlier]) for values in (guess, truth))
    ratio = np.maximum(truth[earlier], truth[later]) / np.minimum(truth[earlier], truth[later])
    near = (ratio <= 1 + EQUAL + 1e-12) & (order != 0)
    right = (1 + order_guess[near] * order[near]) / 2
    return {
        "within_5pct": float(np.mean(size <= 0.05)),
        "within_10pct": float(np.mean(size <= 0.10)),
        "mean_error": float(np.abs(errors).mean()),
        "worst_error": float(np.abs(errors).max()),
        "bias": float(errors.mean()),
        "spearman": _correlation(stats.spearmanr, guess, truth),
        "kendall": _correlation(stats.kendalltau, guess, truth),
        "iso_pairs": float(right.mean()) if len(right) else None,
        "iso_count": len(right),
    }


def _correlation(method: Callable[[Array, Array], Any], guess: Array, truth: Array) -> float | None:
    """A correlation of scipy; None if either list has fewer than two different values."""
    if min(len(np.unique(guess)), len(np.unique(truth))) < 2:
        return None
    return round(float(method(guess, truth).statistic), 12)  # scipy may miss 1 by rounding
