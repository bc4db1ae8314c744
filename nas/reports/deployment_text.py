"""A deployed file on the terminal: its figures beside those of the float32 file, and the README."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from nas.runs.deployment_readme import figure_rows, loss_line
from nas.runs.deployment_record import DeploymentRecord
from nas.terminal import Terminal


def show_deployment(record: DeploymentRecord, folder: Path, terminal: Terminal) -> None:
    """Print the figures and the files."""
    heading, *rows = figure_rows(record)
    table = Table(*heading, box=SIMPLE, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    terminal.show(table)
    if line := loss_line(record):
        terminal.say(line)
    if record.deployed.noisy:
        terminal.say("The machine was busy: compare the columns, do not trust their milliseconds.")
    if record.note:
        terminal.say(f"note: {record.note}")
    terminal.say(f"{folder / record.file}: {folder / 'README.md'} shows how to run it")
