"""``python -m nas.search --device cpu --budget 50``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nas import cli
from nas.config import RUN, SearchConfig

app = typer.Typer()

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Repeat the search of an earlier run.json. Options beside it replace those of the file.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]


@app.command()
@cli.with_config
def main(given: dict[str, Any], config_file: ConfigFile = None) -> None:
    """Find YOLO detectors that are Pareto-optimal in accuracy and in latency measured on a device."""
    config = SearchConfig(**given) if config_file is None else _repeated(config_file, given)
    from nas.search.pipeline import run_search
    from nas.search.reporter import TerminalSearchReporter
    from nas.search.result_table import show_result

    with TerminalSearchReporter() as terminal:
        show_result(run_search(config, terminal), terminal)


def _repeated(file: Path, given: dict[str, Any]) -> SearchConfig:
    from nas.runs.record import load_config

    return load_config(file).updated(given)


if __name__ == "__main__":
    cli.run(app)
