"""Reports of a run: the figures as data first, then drawn."""

from pathlib import Path

from nas.reports._card import card_tables, write_card
from nas.reports._data import RunData, load_run
from nas.reports._figures import front_figure
from nas.reports._html import write_html
from nas.reports._png import write_png

__all__ = ["RunData", "card_tables", "front_figure", "load_run", "write_card", "write_report"]


def write_report(folder: Path) -> None:
    """Write report.html and pareto.png of a finished run into its folder; raises InputError for another folder."""
    data = load_run(folder)
    write_html(data, folder / "report.html")
    write_png(data, folder / "pareto.png")
