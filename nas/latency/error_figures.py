"""The figures of a report card: how well one list of latencies tells another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Figures = dict[str, float | None]

ISO = 0.10
"""Two models are of equal latency when the slower one takes at most this share longer."""


def figures(predicted: Sequence[float], first: Sequence[float], second: Sequence[float]) -> Figures:
    """How well latencies were predicted, and how well they can be measured at all. Shares are fractions of 1.

    ``predicted``, ``first`` and ``second`` are ms of the same models, the last two from two measurings; the measured
    latency is the mean of both. A model's error is predicted / measured - 1.

    * ``within_5pct``, ``within_10pct``: share of models whose error is at most that, either way, bounds included;
    * ``mean_error``, ``worst_error``: mean and largest absolute error; ``bias``: mean signed error, above 0 where the
      prediction is too slow;
    * ``spearman``: correlation of ranks, equal latencies sharing their mean rank; ``kendall``: tau-b;
    * ``iso_pairs``: of the ``iso_count`` pairs of models whose measured latencies differ, by at most 10 % of the
      faster one's, the share that the prediction puts in the right order; equal predictions count half, as tossing a
      coin would;
    * ``retest_...``: the same figures with the first measuring in the place of the prediction and the second in that
      of the measured latency. They are the ceiling: no prediction can be asked to tell a latency better than measuring
      it does. A faultless one may still pass it a little, since it has no noise of its own and is judged by a mean.

    None stands for what is not defined: a correlation of fewer than two different latencies, a share of no pairs.
    Raises ValueError for no models, lists of different lengths, and latencies that are not finite and above 0.
    """
    lists = [np.asarray(values, dtype=np.float64) for values in (predicted, first, second)]
    if len({values.shape for values in lists}) > 1 or lists[0].ndim != 1 or not len(lists[0]):
        raise ValueError("the figures need three lists of latencies of the same models, at least one")
    if not all((np.isfinite(values) & (values > 0)).all() for values in lists):
        raise ValueError("the figures need latencies in ms that are finite and above 0")
    told, once, again = lists
    found = _agreement(told, (once + again) / 2)
    return found | {f"retest_{name}": value for name, value in _agreement(once, again).items()}


def _agreement(told: Array, truth: Array) -> Figures:
    errors = told / truth - 1
    # A bound counts as kept where only rounding is beyond it.
    size = np.abs(errors) - 1e-12
    ranks = (np.asarray(pd.Series(values).rank(), dtype=np.float64) for values in (told, truth))
    centred = [values - values.mean() for values in ranks]
    earlier, later = np.triu_indices(len(told), 1)
    order_told, order = (np.sign(values[later] - values[earlier]) for values in (told, truth))
    ratio = np.maximum(truth[earlier], truth[later]) / np.minimum(truth[earlier], truth[later])
    near = (ratio <= 1 + ISO + 1e-12) & (order != 0)
    right = (1 + order_told[near] * order[near]) / 2
    return {
        "within_5pct": float(np.mean(size <= 0.05)),
        "within_10pct": float(np.mean(size <= 0.10)),
        "mean_error": float(np.abs(errors).mean()),
        "worst_error": float(np.abs(errors).max()),
        "bias": float(errors.mean()),
        "spearman": _cosine(*centred),
        "kendall": _cosine(order_told, order),
        "iso_pairs": float(right.mean()) if len(right) else None,
        "iso_count": len(right),
    }


def _cosine(one: Array, other: Array) -> float | None:
    """Of centred ranks this is Spearman's correlation, of the signs of all pairs Kendall's tau-b."""
    length = float(np.sqrt((one @ one) * (other @ other)))
    return float(np.clip(one @ other / length, -1, 1)) if length else None
