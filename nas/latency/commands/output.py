"""Output of the commands: lines, tables and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nas.latency.report_card import ReportCard
    from nas.latency.table import LatencyTable
    from nas.terminal import Terminal


@contextmanager
def terminal(as_json: bool = False) -> Iterator[Terminal]:
    """The terminal; messages go to standard error beside JSON."""
    from rich.console import Console

    from nas.terminal import Terminal

    with Terminal(Console(stderr=as_json, soft_wrap=True, highlight=False)) as display:
        yield display


def print_json(content: dict[str, Any]) -> None:
    """Print JSON, and nothing else, to standard output."""
    json.dump(content, sys.stdout, indent=2)
    print()


def show_table(shown: Table, console: Console) -> None:
    """Print a table at the width that it needs, also in a narrower terminal, a file or a pipe."""
    from rich.measure import Measurement

    wanted = Measurement.get(console, console.options.update(max_width=10_000), shown).maximum
    console.width = max(console.width, wanted)
    console.print(shown)


def show_card(card: ReportCard, display: Terminal, as_json: bool) -> None:
    """Show a report card; beside JSON, which the command prints, only its verdict."""
    from nas.latency.notices import forced_warning
    from nas.reports.report_card import card_tables

    for shown in () if as_json else card_tables(card):
        show_table(shown, display.console)
    display.say(card.verdict)
    if card.forced:
        display.say(forced_warning(card.forced))


def calibration_line(table: LatencyTable, imgsz: int) -> str:
    """One line about the calibration at an image size."""
    fit = table.header.calibrations[str(imgsz)]
    fitted = f"fitted on {fit.n} models, largest error {fit.worst:.1%}"
    return f"calibration at {imgsz} px: factor {fit.factor:.3f}, {fitted}"


def file_of(table: LatencyTable) -> Path:
    """The file that a table was read from."""
    return table.source or table.path
