"""The report of a finished run: report.html and pareto.png."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def write_report(folder: Path, study: optuna.Study | None = None) -> None:
    """Write report.html, pareto.png and the model cards of a finished run into its directory.

    Args:
        folder: The run directory.
        study: The open study; None to open it, where it exists.

    Raises:
        ConfigError: It is not a finished run, or one of its files is missing or damaged.
    """
    from nas.reports.front_picture import write_png
    from nas.reports.prediction_pictures import pictures_of
    from nas.reports.report_page import write_html
    from nas.reports.run_data import load_run_data
    from nas.runs.run_cards import write_cards

    data = load_run_data(folder)
    write_cards(data.run)
    write_html(data, folder / "report.html", pictures_of(data, study))
    write_png(data, folder / "pareto.png")
