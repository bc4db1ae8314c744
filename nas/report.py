"""``python -m nas.report RUN``: rebuild report.html and pareto.png of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas import cli
from nas.reports import write_report

app = typer.Typer(add_completion=False)


@app.command()
def main(run: Annotated[Path, typer.Argument(help="The run's directory.")]) -> None:
    """Rebuild report.html and pareto.png of a finished run."""
    write_report(run)
    print(run / "report.html")


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
