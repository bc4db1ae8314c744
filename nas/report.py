"""``python -m nas.report RUN``: rebuild the report of a finished run. ``RUN OTHER`` compares two runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas import cli
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.reports.comparison import Comparison

app = typer.Typer(add_completion=False)


@app.command()
def main(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    other: Annotated[
        Path | None, typer.Argument(help="A second run directory, to compare the two runs.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="HTML file of the comparison of two runs.", show_default="compare.html")
    ] = None,
    as_json: cli.Json = False,
) -> None:
    """Rebuild report.html, pareto.png and the study's pages of a finished run; of another one, write a partial report.

    With two runs, compare them instead: the models that both trained, and each Pareto front on the other run's device.
    """
    if other is not None:
        _compare(run, other, out or Path("compare.html"), as_json)
        return
    for field, given in (("json", as_json), ("out", out)):
        if given:
            hint = f"name a second run, or drop `{field}`"
            raise ConfigError("is only for the comparison of two runs", field=field, value=given, hint=hint)
    from nas.reports.partial_report import write_partial_report
    from nas.reports.study_summary import write_study
    from nas.reports.writing import write_report
    from nas.runs.run import load_run

    if not (opened := load_run(run)).finished:
        from nas.runs.next_commands import resume_command

        page = write_partial_report(opened)
        print(f"{page}: partial, this run is {opened.record.status.value}; continue it with {resume_command(run)}")
        return
    write_report(run)
    write_study(run)
    print(run / "report.html")


def _compare(run: Path, other: Path, path: Path, as_json: bool) -> None:
    """Write the comparison and print it."""
    import json

    from nas.reports.comparison import compare
    from nas.reports.comparison_page import write_comparison
    from nas.reports.run_data import load_run_data

    comparison = compare(load_run_data(run), load_run_data(other))
    write_comparison(comparison, path)
    if as_json:
        print(json.dumps(comparison.to_json() | {"page": str(path)}, indent=2))
    else:
        _print(comparison)
        print(path)


def _print(comparison: Comparison) -> None:
    """Print devices, tables, summary and warnings."""
    from rich.console import Console

    from nas.reports.terminal_tables import terminal_table

    console = Console(soft_wrap=True, highlight=False)
    for name, device in comparison.devices.items():
        console.print(f"{name}: {device}", markup=False)
    console.print(terminal_table(comparison.shared.drop(columns="architecture"), "Models trained in both runs"))
    for here, there, front in (("A", "B", comparison.on_a), ("B", "A", comparison.on_b)):
        title = f"{here}'s front, and the change for a user who takes {there}'s front on {here}"
        console.print(terminal_table(front.changes, title))
    for line in (*comparison.summary, *(f"warning: {warning}" for warning in comparison.warnings)):
        console.print(line, markup=False)


if __name__ == "__main__":
    cli.run(app)
