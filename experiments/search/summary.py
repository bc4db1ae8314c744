"""Should the sampler `guided` know every choice of an architecture, or a summary?

    python experiments/search/summary.py        # writes results/summary.csv

The 50 candidates of each committed search were scored by short training. One tenth of them at a time is left out and
ranked by a model of the others. Kendall's tau compares the ranking with the scores. The model uses
`Architecture.features`, a number for every choice, or `Architecture.summary`. ``few``: 30 candidates rank the others.
"""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from nas.search.surrogate import Surrogate, tabulate
from nas.spaces.architecture import decode

RESULTS = Path(__file__).parent / "results"
HEADLINE = Path(__file__).parents[1] / "headline" / "results" / "before"
SEARCHES = {
    "shapes, neck kept": [RESULTS / "own_trials.csv"],
    "bccd": sorted(HEADLINE.glob("bccd-trials-*.csv")),
    "scenes": sorted(HEADLINE.glob("scenes-trials-*.csv")),
}
"""Trials by data set and space."""
REPEATS, FOLDS, FEW = 10, 10, 30
COSTS = ("latency_ms", "params", "macs")


def taus(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Kendall's tau if all others are known, and if a few are known."""
    rng, most, few = np.random.default_rng(0), [], []
    for _ in range(REPEATS):
        order, found = rng.permutation(len(y)), np.zeros(len(y))
        for left_out in np.array_split(order, FOLDS):
            known = np.setdiff1d(order, left_out)
            found[left_out] = Surrogate(x[known], y[known]).mean(x[left_out])
        most.append(float(kendalltau(found, y).statistic))
        known, others = order[:FEW], order[FEW:]
        few.append(float(kendalltau(Surrogate(x[known], y[known]).mean(x[others]), y[others]).statistic))
    return fmean(most), fmean(few)


def main() -> None:
    rows = []
    for name, files in SEARCHES.items():
        trials = pd.concat(map(pd.read_csv, files)).query("state == 'trained'").drop_duplicates("arch")
        costs = [{cost: math.log2(value) for cost, value in row.items()} for _, row in trials[list(COSTS)].iterrows()]
        members = list(map(decode, trials.arch))
        for known in ("features", "summary"):
            x = tabulate([getattr(member, known) | of for member, of in zip(members, costs, strict=True)])
            most, few = taus(x, trials.score.to_numpy())
            row = {"searches": name, "candidates": len(x), "known": known, "numbers": x.shape[1]}
            rows.append(row | {"tau": round(most, 3), "tau_few": round(few, 3)})
    found = pd.DataFrame(rows)
    found.to_csv(RESULTS / "summary.csv", index=False)
    print(found.to_string(index=False))


if __name__ == "__main__":
    main()
