"""``python -m nas.report RUN``: rebuild what tells of a finished run; ``RUN OTHER`` compares two."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nas import cli
from nas.errors import InputError
from nas.reports.comparison import Comparison, compare
from nas.reports.comparison_page import write_comparison
from nas.reports.run_data import load_run
from nas.reports.study_writer import write_study
from nas.reports.terminal import terminal_table
from nas.reports.writing import write_report

app = typer.Typer(add_completion=False)


@app.command()
def main(
    run: Annotated[Path, typer.Argument(help="The run's directory.")],
    other: Annotated[Path | None, typer.Argument(help="A second run's, to compare with.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the comparison of two runs is written.", show_default="compare.html")
    ] = None,
    as_json: cli.Json = False,
) -> None:
    """Rebuild report.html and pareto.png of a finished run, and what its study shows in a dashboard; with two runs,
    compare them: the models that both trained, and what it costs to use one's front on the other's device."""
    if other is None:
        if out is not None or as_json:
            option = "--json" if as_json else f"--out {out}"
            raise InputError(f"{option}: is for the comparison of two runs; name a second one, or drop it")
        write_report(run)
        write_study(run)
        print(run / "report.html")
        return
    found = compare(load_run(run), load_run(other))
    path = out or Path("compare.html")
    write_comparison(found, path)
    if as_json:
        json.dump(found.facts() | {"page": str(path)}, sys.stdout, indent=2)
        print()
    else:
        _show(found, path)


def _show(found: Comparison, path: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for name, device in found.devices.items():
        console.print(f"{name}: {device}", markup=False)
    console.print(terminal_table(found.shared.drop(columns="architecture"), "Trained in both"))
    for here, there, borrowed in (("A", "B", found.on_a), ("B", "A", found.on_b)):
        console.print(terminal_table(borrowed.losses, f"{here}'s front, and what {there}'s front loses on {here}"))
    for line in (*found.findings, *(f"warning: {warning}" for warning in found.warnings), str(path)):
        console.print(line, markup=False)


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
