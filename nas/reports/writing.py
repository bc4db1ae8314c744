"""The report of a finished run: report.html and pareto.png."""

from __future__ import annotations

from pathlib import Path


def write_report(folder: Path) -> None:
    """Write report.html and pareto.png of a finished run into its directory.

    Args:
        folder: The run directory.

    Raises:
        ConfigError: It is not a finished run, or one of its files is missing or damaged.
    """
    from nas.reports.front_picture import write_png
    from nas.reports.report_page import write_html
    from nas.reports.run_data import load_run_data

    data = load_run_data(folder)
    write_html(data, folder / "report.html")
    write_png(data, folder / "pareto.png")
