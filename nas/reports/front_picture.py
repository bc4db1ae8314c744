"""pareto.png: the front as a picture for slides."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from nas.files import replacing
from nas.reports.run_data import RunData
from nas.reports.tables import by_hand

GREEN = "#15803d"


def write_png(data: RunData, path: Path) -> None:
    """Score against latency of the finalists, the front, the stock model and what was made by hand."""
    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.scatter(data.finalists_ms, data.finalists.score, s=22, color="#b0b8c4", label="other finalists")
    axes.errorbar(
        data.front_ms,
        data.pareto.score,
        xerr=data.pareto.latency_spread_ms.fillna(0),
        yerr=data.pareto.score_sd.fillna(0),
        fmt="o-" if data.is_a_line else "o",
        color="#1f5fbf",
        label=data.front_label,
    )
    hand = by_hand(data)
    if data.options.get("rungs", 1) == 1 and len(hand):  # else the finalists' scores are of longer trainings
        label = "hand-made (predicted)"
        axes.scatter(
            hand["predicted, ms"], hand.score, marker="s", s=36, facecolors="none", edgecolors=GREEN, label=label
        )
    axes.scatter([data.stock_ms], [data.stock["score"]], marker="*", s=150, color="#c2410c", zorder=3, label="stock")
    options = data.facts["options"]
    axes.set_xlabel(f"{data.latency_label} ({options['runtime']}, {options['threads']} thread(s), {data.sizes})")
    # Names are a person's own: a $ in one is no formula.
    axes.set_ylabel(f"{data.final_unit}, {options['data']}", parse_math=False)
    picked = f"{len(data.pareto)} {'Pareto models' if data.tells_apart else 'models, no front,'}"
    axes.set_title(f"{options['space']}: {picked} of {len(data.trained)} trained", parse_math=False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")
