"""Figures of results/*.csv: medians over seeds with 95 % bootstrap intervals. See README.md.

    python experiments/search/judge.py

Writes results/judgement.md and, by bench, results/BENCH.png.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"
PLAIN, EQUIPPED = "random, plain", "random"
DRAWN = ("random, plain", "random", "nsga2", "gp", "tpe", "guided")
RESAMPLED = 4000
Rows = list[dict[str, str]]


def median(values: Sequence[float]) -> str:
    """The median with its interval."""
    rng, found = np.random.default_rng(0), np.array(values)
    drawn = np.median(rng.choice(found, (RESAMPLED, len(found))), axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{np.median(found):.3f} ({low:.3f} to {high:.3f})"


def curves(rows: Rows, of: str) -> np.ndarray:
    """Values (seeds, trials) of a column; a search that ended early keeps its last value."""
    found = [json.loads(row[of]) for row in rows]
    longest = max(map(len, found))
    return np.array([curve + curve[-1:] * (longest - len(curve)) for curve in found])


def reached(rows: Rows, of: str, level: float) -> str:
    """The first trial at which the median reaches a level."""
    at = np.flatnonzero(np.median(curves(rows, of), axis=0) >= level)
    return str(at[0] + 1) if len(at) else "-"


def judge(name: str) -> list[str]:
    """The Markdown lines of one bench."""
    by: dict[str, Rows] = defaultdict(list)
    for row in csv.DictReader((RESULTS / f"{name}.csv").open()):
        by[row["variant"]].append(row)
    levels = {of: float(np.median(curves(by[PLAIN], of)[:, -1])) for of in ("told", "truth")}
    lines = [
        f"## {name}",
        "",
        "| variant | seeds | hypervolume told, 17 trials | 50 trials | of the truth, 50 trials "
        "| trials to plain random's 50: told | truth | regret handed over | models | cost |",
        "|---" * 10 + "|",
    ]
    for variant, rows in by.items():
        told, truth = curves(rows, "told"), curves(rows, "truth")
        cells = [
            variant,
            str(len(rows)),
            median(told[:, 16]),
            median(told[:, -1]),
            median(truth[:, -1]),
            *(reached(rows, of, levels[of]) if "limit" not in variant else "" for of in ("told", "truth")),
            median([float(row["regret"]) for row in rows]),
            f"{np.median([int(row['handed_over']) for row in rows]):.0f}",
            f"{np.median([float(row['cost']) for row in rows]):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    draw(name, by)
    return [*lines, ""]


def draw(name: str, by: dict[str, Rows]) -> None:
    """Draw the median hypervolume of the scores that the search saw, by trials, with shaded quartiles."""
    figure = Figure(figsize=(7, 4.5), dpi=150, layout="constrained")
    axes = figure.subplots()
    for variant in (variant for variant in DRAWN if variant in by):
        told = curves(by[variant], "told")
        low, middle, high = np.quantile(told, (0.25, 0.5, 0.75), axis=0)
        trials = np.arange(1, len(middle) + 1)
        (line,) = axes.plot(trials, middle, label=variant)
        axes.fill_between(trials, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
    axes.set_xlabel("candidates trained")
    axes.set_ylabel("hypervolume, share of the whole space's")
    axes.set_ylim(bottom=0.5)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(RESULTS / f"{name}.png")


def main() -> None:
    names = [path.stem for path in sorted(RESULTS.glob("*.csv")) if "variant" in path.open().readline()]
    lines = [line for name in names for line in judge(name)]
    (RESULTS / "judgement.md").write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
