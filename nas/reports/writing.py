"""The report of a finished run, written into its folder."""

from pathlib import Path

from nas.reports.front_picture import write_png
from nas.reports.report_page import write_html
from nas.reports.run_data import load_run


def write_report(folder: Path) -> None:
    """Write report.html and pareto.png of a finished run into its folder; raises InputError for another folder."""
    data = load_run(folder)
    write_html(data, folder / "report.html")
    write_png(data, folder / "pareto.png")
