"""A table's report card: written beside it, drawn, and as tables for a person."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from rich.box import SIMPLE
from rich.table import Table

from nas.files import replacing
from nas.latency.accuracy import Card, card_path, keep_card
from nas.latency.table import LatencyTable

COLOURS = {"random": "#1f5fbf", "stock": "#c2410c", "hand-made": "#15803d", "other": "#7e22ce"}
NAMES = {
    "within_5pct": "within 5 %",
    "within_10pct": "within 10 %",
    "mean_error": "mean error",
    "worst_error": "worst error",
    "bias": "bias",
    "spearman": "Spearman",
    "kendall": "Kendall tau-b",
    "iso_pairs": "equal latency, ordered right",
    "iso_count": "pairs of equal latency",
}


def write_card(table: LatencyTable, card: Card) -> Path:
    """Write a card as JSON and PNG beside its table, its figures into the table's header; returns the JSON's path."""
    keep_card(table, card)
    path = card_path(table, card.imgsz)
    write_card_png(card, path.with_suffix(".png"))
    return path


def card_tables(card: Card) -> list[Table]:
    """The figures with the ceiling beside them, and the models that are no random members."""
    identity, n = card.identity, len(card.random)
    title = (
        f"Report card at {card.imgsz} px: {identity['device']} ({identity['cpu']}), {identity['runtime']} "
        f"{identity['version']}, {identity['threads']} thread(s)\n{n} random members of {card.space}, held out from "
        f"the fit (seed {card.seed}), {card.date}"
    )
    shown = Table(title=title, box=SIMPLE, pad_edge=False)
    for heading in ("figure", "predicted", "measured twice\n(ceiling)"):
        shown.add_column(heading, justify="left" if heading == "figure" else "right", no_wrap=True)
    for name, text in NAMES.items():
        shown.add_row(text, figure_text(name, card.figures[name]), figure_text(name, card.figures[f"retest_{name}"]))
    models = Table(title="Other models", box=SIMPLE, pad_edge=False)
    for heading in ("model", "kind", "predicted\nms", "measured\nms", "error", "measured\nagain"):
        models.add_column(heading, justify="left" if heading in {"model", "kind"} else "right", no_wrap=True)
    for model in card.models:
        if model.kind != "random":
            figures = (f"{model.predicted_ms:.2f}", f"{model.measured_ms:.2f}", f"{model.error:+z.1%}")
            models.add_row(model.name, model.kind, *figures, f"{model.retest:+z.1%}")
    return [shown, models]


def write_card_png(card: Card, path: Path) -> None:
    """Predicted against measured latency, both logarithmic, with the bands of 5 % and 10 % error."""
    figure = Figure(figsize=(6.5, 6), dpi=150, layout="constrained")
    axes = figure.subplots()
    times = [ms for model in card.models for ms in (model.predicted_ms, model.first_ms, model.second_ms)]
    ends = [min(times) * 0.95, max(times) * 1.05]
    for share, shade in ((0.10, "#eef1f5"), (0.05, "#dde3ea")):
        low, high = ([ms * (1 + sign * share) for ms in ends] for sign in (-1, 1))
        axes.fill_between(ends, low, high, color=shade, linewidth=0, label=f"within {share:.0%}")
    axes.plot(ends, ends, color="#6b7280", linewidth=0.8)
    for kind, colour in COLOURS.items():
        if models := [model for model in card.models if model.kind == kind]:
            measured = [model.measured_ms for model in models]
            axes.errorbar(
                measured,
                [model.predicted_ms for model in models],
                xerr=[abs(model.first_ms - model.second_ms) / 2 for model in models],
                fmt="o",
                markersize=4,
                linewidth=0.8,
                color=colour,
                label=f"{kind} ({len(models)})",
            )
    identity = card.identity
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 6, 8)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("measured whole, ms (mean of two measurings; bars reach from one to the other)")
    axes.set_ylabel("predicted by the table, ms")
    machine = identity.get("gpu", identity["cpu"])
    title = f"{machine}\n{identity['runtime']} {identity['version']}, {identity['threads']} thread(s), {card.imgsz} px"
    axes.set_title(f"{title}\nTOO NOISY A MACHINE" if card.too_noisy else title, fontsize="medium")
    axes.legend(frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def figure_text(name: str, value: float | None) -> str:
    """A figure of a card as a person reads it."""
    if value is None:
        return "-"
    if name == "iso_count":
        return f"{value:.0f}"
    if name in {"spearman", "kendall"}:
        return f"{value:.3f}"
    return f"{value:+z.1%}" if name == "bias" else f"{value:.1%}"
