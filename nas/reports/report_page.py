"""report.html: the results of a run as one page."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from nas.latency.hints import latency_command
from nas.objectives.costs import COSTS
from nas.reports import report_text
from nas.reports.choices import choice_counts, importances
from nas.reports.colors import PARTS
from nas.reports.model_sections import model_section
from nas.reports.picker import picker
from nas.reports.plots import cost_plot, front_plot, search_plot
from nas.reports.plotting import draw, draw_parts
from nas.reports.prediction_pictures import Pictures
from nas.reports.run_data import RunData
from nas.reports.summary import summarize
from nas.reports.tables import (
    front_table,
    hand_made,
    latency_by_part,
    phases,
    rejected_finalists,
    score_spreads,
    size_curve,
    skipped_baselines,
    untrained_states,
    untrained_trials,
)
from nas.reports.templating import Figure, write_page
from nas.reports.used_table import calibrations, card_frame, cards

MAX_LISTED = 300
"""Untrained trials that the page lists; trials.csv has all."""


def write_html(data: RunData, path: Path, pictures: Pictures | None = None) -> None:
    """Write the report of a run.

    Args:
        data: A finished run.
        path: The HTML file.
        pictures: Pictures of detections.
    """
    write_page(
        path,
        "report.html",
        data=data,
        sections=_sections(data),
        summary=summarize(data),
        warnings=report_text.warnings(data),
        conditions=report_text.conditions(data),
        versions=report_text.versions_line(data),
        figures=_figures(data),
        costs=[_cost_figure(data, name) for name in data.config.minimize[1:]],
        colors=PARTS,
        models=[model_section(data, model) for model in data.result.front],
        picker=picker(data),
        pictures=pictures or Pictures([], 0),
        **_front(data),
        **_choices(data),
        **_reliability(data),
        **_search(data),
    )


def _sections(data: RunData) -> list[tuple[str, str]]:
    """Ids and headings of the page's sections."""
    return [
        ("front-section", report_text.front_heading(data)),
        ("pick", "Pick a model"),
        ("hand-made", "Hand-made models"),
        ("models", "Models"),
        ("detections", "Detections"),
        ("choices", "Choices and their importance"),
        ("reliability", "Reliability"),
        ("search-section", "Search"),
    ]


def _front(data: RunData) -> dict[str, Any]:
    front = front_table(data)
    names = {text: text.split()[0] for text in front.model}
    return {
        "front": front,
        "links": {text: f"#model-{name}" for text, name in names.items() if name in data.yamls},
        "size_curve": size_curve(data),
        "rejected": rejected_finalists(data),
        "hand_made": hand_made(data).drop(columns=[] if data.several_sizes else "MACs vs. stock"),
        "skipped": skipped_baselines(data),
    }


def _choices(data: RunData) -> dict[str, Any]:
    counts = choice_counts(data).to_dict("records")
    by_stage = [(stage, list(rows)) for stage, rows in groupby(counts, itemgetter("stage"))]
    return {"importances": importances(data), "choices": by_stage}


def _reliability(data: RunData) -> dict[str, Any]:
    fingerprint, config = data.run.record.fingerprint, data.config
    where = ["--space", config.space, "--imgsz", str(config.imgsz[0]), "--nc", str(data.result.nc)]
    return {
        "trust": report_text.sentence(data.result.trust),
        "spreads": score_spreads(data),
        "latency_errors": report_text.latency_errors(data),
        "cards": [(size, card_frame(card)) for size, card in cards(data).items()],
        "check": latency_command("check", *where, fingerprint=fingerprint),
        "calibrations": calibrations(data),
        "table_line": report_text.table_line(data),
    }


def _search(data: RunData) -> dict[str, Any]:
    untrained = untrained_trials(data)
    return {
        "phases": phases(data),
        "states": untrained_states(data),
        "untrained": untrained.head(MAX_LISTED),
        "unlisted": max(0, len(untrained) - MAX_LISTED),
    }


def _figures(data: RunData) -> dict[str, Figure]:
    count, finalists, trained = len(data.pareto), len(data.result.finalists), len(data.trained)
    figure = "AP" if data.has_ap else "Score"
    return {
        "front": Figure(
            "front-plot",
            draw(front_plot(data)),
            report_text.front_caption(data),
            f"{figure} against latency of {finalists} finalists, {count} of them on the front, and of the stock model"
            f"{', beside your own model at smaller images' if data.curve else ''}. The table has all values.",
        ),
        "search": Figure(
            "search-plot",
            draw(search_plot(data)),
            report_text.search_caption(data),
            f"Score against predicted latency of the {trained} trained candidates. trials.csv has all values.",
        ),
        "parts": Figure(
            "parts-plot",
            draw_parts(latency_by_part(data)),
            report_text.parts_caption(),
            "Predicted latency of each model of the front and of the stock model, stacked by part. The tables of the "
            "models have all values.",
        ),
    }


def _cost_figure(data: RunData, name: str) -> Figure:
    heading = COSTS[name].heading
    figure = "AP" if data.has_ap else "Score"
    alt = f"{figure} against {heading} of the finalists. The table has all values."
    return Figure(f"{name}-plot", draw(cost_plot(data, name)), f"{figure} against {heading}.", alt)
