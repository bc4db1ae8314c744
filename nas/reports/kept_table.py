"""The latency table that a run used: what the run kept of it, and what lies there still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from nas.errors import InputError
from nas.files import shipped
from nas.latency.table import LatencyTable
from nas.reports.report_card import NAMES, figure_text
from nas.reports.run_data import RunData


def table_of(data: RunData) -> LatencyTable | None:
    """The run's table, to predict with, where it still lies at its place and was not measured anew since."""
    kept = data.facts["table"]
    for path in (Path(kept["path"]), shipped("latency_tables") / Path(kept["path"]).name):
        if path.is_file():
            try:
                found = LatencyTable.find(kept["identity"]["device"], "auto", kept["identity"]["threads"], path)
            except InputError:
                return None
            same = all(
                getattr(found.header, name) == kept[name] for name in ("identity", "reference_ms", "overhead_ms")
            )
            return found if same else None
    return None


def cards(data: RunData) -> dict[str, dict[str, float]]:
    """By image size, the figures of the table's report card: those that the run kept, and those of a check since."""
    table, kept = table_of(data), data.facts["table"]["cards"]
    found: dict[str, dict[str, float]] = kept if table is None else kept | table.header.cards
    return {size: card for size, card in found.items() if int(size) in data.options["imgsz"]}


def card_frame(card: dict[str, float]) -> pd.DataFrame:
    """The figures of a card beside the ceiling, which is measuring twice."""
    rows = [
        (text, *(figure_text(name, card.get(f"{of}{name}")) for of in ("", "retest_"))) for name, text in NAMES.items()
    ]
    return pd.DataFrame(rows, columns=["figure", "predicted", "measured twice"])


def calibrations(data: RunData) -> pd.DataFrame:
    """By image size, what rows in their graph cost over rows measured alone, and how far off that is among the models
    that it was fitted to."""
    kept: dict[str, dict[str, Any]] = data.facts["table"]["calibrations"]
    rows = [{"px": int(size), **of} for size, of in kept.items() if int(size) in data.options["imgsz"]]
    frame = pd.DataFrame(rows, columns=["px", "factor", "n", "worst"])
    return frame.rename(columns={"n": "fitted on", "worst": "largest error among them"})
