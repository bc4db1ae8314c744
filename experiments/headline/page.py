"""Figure and tables of the headline, from its results: results/headline.png and results/headline.md."""

from __future__ import annotations

import itertools
from pathlib import Path
from statistics import fmean

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from nas.spaces.architecture import decode

RESULTS = Path(__file__).parent / "results"
SETS = ("bccd", "scenes")
RUNTIMES = ("onnxruntime", "openvino")
COLORS = {
    "stock": "#444444",
    "narrower": "#9a9a9a",
    "by hand": "#c8712d",
    "found": "#1a6fb0",
    "found at random": "#7fb4dc",
}
MACHINE = ["cpu", "version"]
"""Columns that describe the machine. Results from before 2026-11-26 do not have them."""
EQUAL = 1.02
"""Largest ratio of equal latencies: two measurements of one model differ by that."""
PAIRED = 0.10
"""Largest relative difference of latencies in a pair that scores must order, as in the proxy study."""
SIDES = [(x, y) for y in ("bottom", "top", "center") for x in ("left", "right", "center") if x != y]
"""Sides of a point for its name, as text alignments."""
OFFSETS = {"left": 5, "right": -5, "bottom": 3, "top": -3, "center": 0}
"""Distance of a name from its point by alignment, in typographic points."""
OUTSIDE = 1e4
"""Pixels beyond the whole figure."""


def load(name: str) -> pd.DataFrame | None:
    """One row for each contestant: mean AP on the test split, its standard error, and latencies; None if a file is
    missing."""
    files = [RESULTS / f"{name}-trained.csv", *(RESULTS / f"{name}-latency-{runtime}.csv" for runtime in RUNTIMES)]
    if not all(file.exists() for file in files):
        return None
    trained, *latencies = map(pd.read_csv, files)
    if not set(latencies[0].name) <= set(trained.name):
        return None
    by_name = trained[trained.name.isin(latencies[0].name)].groupby("name")
    table = by_name.ap.agg(["mean", "count"]).rename(columns={"mean": "ap", "count": "seeds"})
    # Pooled over all models: a standard deviation of two or three trainings says little.
    pooled = (by_name.ap.var().fillna(0) * (table.seeds - 1)).sum() / (table.seeds - 1).sum()
    table["se"] = np.sqrt(pooled / table.seeds)
    for runtime, latency in zip(RUNTIMES, latencies, strict=True):
        columns = latency.set_index("name")[["predicted_ms", "ms", "spread_ms"]].add_prefix(f"{runtime}_")
        table = table.join(columns)
    first = latencies[0].set_index("name")
    return table.join(first[["kind", "params", "macs"]]).sort_values(f"{RUNTIMES[0]}_ms")


def against(table: pd.DataFrame, runtime: str, kind: str) -> pd.DataFrame:
    """Compare the detectors of one search with each contestant that no search found.

    Columns are the speed-up of the fastest found detector with no lower mean AP; the speed-up if its AP may be lower by
    two standard errors, which noise favors; and the gain in AP of the best found detector that is no slower.
    """
    found, others = table[[kind in of.split(" and ") for of in table.kind]], table[~table.kind.str.startswith("found")]
    ms, rows = f"{runtime}_ms", []
    for name, other in others.iterrows():
        row = {"contestant": name, "kind": other.kind}
        for column, errors in (("times as fast, AP no less", 0), ("within two errors", 2)):
            no_worse = found[found.ap >= other.ap - errors * np.hypot(found.se, other.se)]
            row[column] = round(other[ms] / no_worse[ms].min(), 2) if len(no_worse) else None
        no_slower = found[found[ms] <= other[ms] * EQUAL]
        best = no_slower.loc[no_slower.ap.idxmax()] if len(no_slower) else None
        row["AP more"] = round(best.ap - other.ap, 3) if best is not None else None
        row["two standard errors"] = round(2 * float(np.hypot(best.se, other.se)), 3) if best is not None else None
        rows.append(row)
    return pd.DataFrame(rows)


def foretold(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Share of pairs of equal latency that a score orders as the long training does.

    Scores are a default search's short training, and size. Pairs count if their AP differs by more than chance with
    95 % probability. The last row compares two seeds of the long training.
    """
    short, long = (pd.read_csv(RESULTS / f"{name}-{kind}.csv") for kind in ("proxy", "trained"))
    short, long = (of.pivot(index="name", columns="seed").reindex(table.index) for of in (short, long))
    told = {f"short training, seed {seed}": of for seed, of in short["score"].items()}
    told |= {f"its training loss, seed {seed}": -of for seed, of in short["loss"].items()}
    told |= {"latency": table.onnxruntime_ms, "MACs": table.macs, "parameters": table.params}
    ms, ap = table.onnxruntime_ms, table.ap
    clear = [
        (i, j)
        for i, j in itertools.combinations(table.index, 2)
        if abs(ms[i] / ms[j] - 1) <= PAIRED and abs(ap[i] - ap[j]) > 1.96 * np.hypot(table.se[i], table.se[j])
    ]
    compared = [
        *((score, ap, by) for score, by in told.items()),
        ("long training: seed 0 by seed 1", long["ap"][0], long["ap"][1]),
    ]
    rows = []
    for score, truth, by in compared:
        known = [(i, j) for i, j in clear if not np.isnan([truth[i], truth[j], by[i], by[j]]).any()]
        if known:
            share = fmean(float((truth[i] - truth[j]) * (by[i] - by[j]) > 0) for i, j in known)
            spearman = by.corr(truth, method="spearman")
            row = {"score": score, "pairs in order": round(share, 2), "pairs": len(known)}
            rows.append(row | {"Spearman with AP": round(float(spearman), 2)})
    return pd.DataFrame(rows)


def machines(name: str) -> str:
    """The machine that latencies were measured on, if they name it."""
    found = {runtime: pd.read_csv(RESULTS / f"{name}-latency-{runtime}.csv") for runtime in RUNTIMES}
    known = {runtime: of.iloc[0] for runtime, of in found.items() if set(MACHINE) <= set(of)}
    return "; ".join(f"{runtime} {of.version} on {of.cpu}" for runtime, of in known.items())


def predicted(table: pd.DataFrame) -> pd.DataFrame:
    """Errors of the predicted latencies."""
    rows = []
    for runtime in RUNTIMES:
        off = (table[f"{runtime}_predicted_ms"] / table[f"{runtime}_ms"] - 1).abs()
        rows.append(
            {"runtime": runtime, "models": len(off), "mean error": f"{off.mean():.1%}", "worst": f"{off.max():.1%}"}
        )
    return pd.DataFrame(rows)


def won(name: str) -> pd.DataFrame:
    """Number of models by operator and stage, over the complete fronts."""
    fronts = pd.read_csv(RESULTS / f"{name}-fronts.csv")
    rows = [
        {"search": row.kind, "stage": stage, "operator": choice.operator}
        for row in fronts.itertuples()
        for stage, choice in decode(str(row.arch)).spelled.items()
    ]
    return pd.DataFrame(rows).value_counts().rename("models").reset_index().sort_values(["search", "stage"])


def draw(tables: dict[str, pd.DataFrame]) -> None:
    figure, axes = plt.subplots(1, len(tables), figsize=(6.4 * len(tables), 4.6), squeeze=False)
    for axis, (name, table) in zip(axes[0], tables.items(), strict=True):
        for kind, color in COLORS.items():
            of = table[table.kind.str.split(" and ").str[0] == kind]
            axis.errorbar(
                of.onnxruntime_ms, of.ap, of.se, of.onnxruntime_spread_ms, "o", color=color, ms=5, lw=1, label=kind
            )
        axis.set(title=name, xlabel="latency in ms, measured whole: onnxruntime, one thread", ylabel="AP50-95, test")
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    for axis, table in zip(axes[0], tables.values(), strict=True):
        label(axis, table)
    figure.savefig(RESULTS / "headline.png", dpi=140)
    plt.close(figure)


def label(axis: Axes, table: pd.DataFrame) -> None:
    """Put names beside the points, each on the side where it covers points, margins and other names least."""
    points, (left, right) = axis.transData.transform(table[["onnxruntime_ms", "ap"]]), axis.bbox.intervalx
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in points]
    taken += [
        Bbox([[left - OUTSIDE, -OUTSIDE], [left, OUTSIDE]]),
        Bbox([[right, -OUTSIDE], [right + OUTSIDE, OUTSIDE]]),
    ]
    for name, row in table.iterrows():
        kind = row.kind.split(" and ")[0]
        called = str(name).removeprefix(kind).strip()
        at = row.onnxruntime_ms, row.ap
        text = axis.annotate(called, at, (0, 0), textcoords="offset points", size=6, color=COLORS[kind])
        boxes = [placed(text, side) for side in SIDES]
        covered = [
            sum(abs(of.width * of.height) for other in taken if (of := Bbox.intersection(box, other))) for box in boxes
        ]
        taken.append(placed(text, SIDES[int(np.argmin(covered))]))


def placed(text: Annotation, side: tuple[str, str]) -> Bbox:
    """Put a name on a side of its point; return the box that it covers."""
    text.set(ha=side[0], va=side[1], position=(OFFSETS[side[0]], OFFSETS[side[1]]))
    return text.get_window_extent()


def page() -> None:
    tables = {name: table for name in SETS if (table := load(name)) is not None}
    if not tables:
        raise SystemExit("no results to show: run the steps search, latency and train first")
    draw(tables)
    lines = []
    for name, table in tables.items():
        lines += [f"## {name}", "", *([f"Latencies: {of}.", ""] if (of := machines(name)) else [])]
        lines += [table.round(4).reset_index().to_markdown(index=False), ""]
        for kind in (kind for kind in COLORS if kind.startswith("found")):
            for runtime in RUNTIMES:
                beside = against(table, runtime, kind)
                lines += [f"### {name}: {kind}, {runtime}", "", beside.to_markdown(index=False), ""]
        lines += [f"### {name}: what was foretold", "", foretold(name, table).to_markdown(index=False), ""]
        lines += [f"### {name}: predicted latency against measured", "", predicted(table).to_markdown(index=False), ""]
        lines += [f"### {name}: operators of the fronts", "", won(name).to_markdown(index=False), ""]
    (RESULTS / "headline.md").write_text("\n".join(lines))
    print("\n".join(lines))
