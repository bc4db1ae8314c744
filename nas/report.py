"""``python -m nas.report RUN``: rebuild what tells of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas import cli
from nas.reports import write_report, write_study

app = typer.Typer(add_completion=False)


@app.command()
def main(run: Annotated[Path, typer.Argument(help="The run's directory.")]) -> None:
    """Rebuild report.html and pareto.png of a finished run, and what its study shows in optuna-dashboard."""
    write_report(run)
    write_study(run)
    print(run / "report.html")


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
