"""Reports of a run: the figures as data first, then drawn."""

from pathlib import Path

from nas.reports._card import card_tables, write_card
from nas.reports._compare import Comparison, compare
from nas.reports._compare_html import write_comparison
from nas.reports._data import RunData, load_run
from nas.reports._figures import front_figure
from nas.reports._html import write_html
from nas.reports._png import write_png
from nas.reports._serve import dashboard
from nas.reports._study import StudyWriter, write_study
from nas.reports._terminal import terminal_table

__all__ = [
    "Comparison",
    "RunData",
    "StudyWriter",
    "card_tables",
    "compare",
    "dashboard",
    "front_figure",
    "load_run",
    "terminal_table",
    "write_card",
    "write_comparison",
    "write_report",
    "write_study",
]


def write_report(folder: Path) -> None:
    """Write report.html and pareto.png of a finished run into its folder; raises InputError for another folder."""
    data = load_run(folder)
    write_html(data, folder / "report.html")
    write_png(data, folder / "pareto.png")
