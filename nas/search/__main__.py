"""``python -m nas.search --device cpu --budget 50``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nas import cli
from nas.config import RUN, SearchConfig
from nas.errors import ConfigError

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

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Say what the search will do, how long it should take, and whether its limits can be met. Write nothing.",
        rich_help_panel=RUN,
    ),
]
PreviewJson = Annotated[bool, typer.Option("--json", help="Print the dry run as JSON.", rich_help_panel=RUN)]


@app.command(epilog="docs/glossary.md explains proxies, samplers, rungs and limits.")
@cli.with_config
def main(
    given: dict[str, Any], config_file: ConfigFile = None, dry_run: DryRun = False, as_json: PreviewJson = False
) -> None:
    """Find YOLO detectors that are Pareto-optimal in accuracy and in latency measured on a device."""
    if as_json and not dry_run:
        raise ConfigError("shows a preview as data", field="json", hint="add `dry_run`, or drop it")
    config = SearchConfig(**given) if config_file is None else _repeated(config_file, given)
    if dry_run:
        _preview(config, as_json)
        return
    from nas.search.pipeline import run_search
    from nas.search.reporter import TerminalSearchReporter
    from nas.search.result_table import show_result

    with TerminalSearchReporter() as terminal:
        show_result(run_search(config, terminal), terminal)


def _preview(config: SearchConfig, as_json: bool) -> None:
    """Print the preview of a search; messages go to standard error beside JSON."""
    import json

    from rich.console import Console

    from nas.search.preview import preview_search
    from nas.terminal import Terminal

    with Terminal(Console(stderr=as_json, soft_wrap=True, highlight=False)) as terminal:
        preview = preview_search(config, terminal)
        if as_json:
            print(json.dumps(preview.to_json(), indent=2))
        else:
            for line in ("dry run: nothing is written", *preview.lines()):
                terminal.say(line)


def _repeated(file: Path, given: dict[str, Any]) -> SearchConfig:
    from nas.runs.record import load_config

    return load_config(file).updated(given)


if __name__ == "__main__":
    cli.run(app)
