"""Report card of a latency table: its files, and tables for a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from nas.latency.card_file import card_path, save_card
from nas.latency.report_card import ReportCard
from nas.latency.table import LatencyTable
from nas.plurals import counted

FIGURES = {
    "within_5pct": "within 5 %",
    "within_10pct": "within 10 %",
    "mean_error": "mean error",
    "worst_error": "largest error",
    "bias": "bias",
    "spearman": "Spearman",
    "kendall": "Kendall tau-b",
    "iso_pairs": "pairs of equal latency in the right order",
    "iso_count": "pairs of equal latency",
}
"""Figures of a report card and their titles."""


def write_card(table: LatencyTable, card: ReportCard) -> Path:
    """Write a report card beside its table, as JSON and PNG, and its figures into the table's header.

    Args:
        table: The table.
        card: Its report card.

    Returns:
        The JSON file.
    """
    from nas.reports.report_card_picture import write_card_png

    save_card(table, card)
    path = card_path(table, card.imgsz)
    write_card_png(card, path.with_suffix(".png"))
    return path


def card_tables(card: ReportCard) -> list[Table]:
    """Tables of a report card: its figures, and the models that are not random members of the space.

    A second measurement in place of the prediction is the ceiling of the figures.
    """
    identity, n = card.identity, len(card.random)
    title = (
        f"Report card at {card.imgsz} px: {identity['device']} ({identity['cpu']}), {identity['runtime']} "
        f"{identity['version']}, {counted(int(identity['threads']), 'thread')}\n{counted(n, 'random member')} of "
        f"{card.space} that the table was not fitted on (seed {card.seed}), {card.date}"
    )
    shown = Table(title=title, box=SIMPLE, pad_edge=False)
    for heading in ("figure", "predicted", "measured twice\n(ceiling)"):
        shown.add_column(heading, justify="left" if heading == "figure" else "right", no_wrap=True)
    for name, text in FIGURES.items():
        shown.add_row(text, figure_text(name, card.figures[name]), figure_text(name, card.figures[f"retest_{name}"]))
    models = Table(title="Other models", box=SIMPLE, pad_edge=False)
    for heading in ("model", "kind", "predicted\nms", "measured\nms", "error", "second\nmeasurement"):
        models.add_column(heading, justify="left" if heading in {"model", "kind"} else "right", no_wrap=True)
    for model in card.models:
        if model.kind != "random":
            figures = (f"{model.predicted_ms:.2f}", f"{model.measured_ms:.2f}", f"{model.error:+z.1%}")
            models.add_row(model.name, model.kind, *figures, f"{model.retest:+z.1%}")
    return [shown, models]


def figure_text(name: str, value: float | None) -> str:
    """A figure of a report card as text.

    Args:
        name: A key of `FIGURES`.
        value: The figure; None becomes a dash.
    """
    if value is None:
        return "-"
    if name == "iso_count":
        return f"{value:.0f}"
    if name in {"spearman", "kendall"}:
        return f"{value:.3f}"
    return f"{value:+z.1%}" if name == "bias" else f"{value:.1%}"
