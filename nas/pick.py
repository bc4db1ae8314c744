"""``python -m nas.pick RUN``: the model of a run to train, its figures and files, and the next commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas import cli
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.runs.finalists import Finalist
    from nas.runs.run import Run

app = typer.Typer(add_completion=False)


@app.command()
def main(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    max_latency: Annotated[
        float | None,
        cli.option("max_latency", "Highest latency of one image, in ms. The limit of the search holds too."),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(help="Lowest score, or AP of trained models. Without --max-latency: take the fastest such model."),
    ] = None,
    as_json: cli.Json = False,
    only_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the path of its model YAML and nothing else, for another command.")
    ] = False,
) -> None:
    """Recommend one model of a run: the most accurate one within a latency, or the fastest one with a score.

    In a run that is not finished, the choice is preliminary.
    """
    import json

    from nas.reports.picked import picked_json, picked_lines
    from nas.runs.run import load_run

    opened = load_run(run)
    picked = opened.pick(max_latency, min_score)
    if only_yaml:
        print(_yaml(opened, picked.model))
    elif as_json:
        print(json.dumps(picked_json(opened, picked, max_latency), indent=2))
    else:
        print("\n".join(picked_lines(opened, picked, max_latency)))


def _yaml(run: Run, model: Finalist) -> str:
    """The path of the picked model's YAML; a run that is not finished has none."""
    if not model.yaml:
        raise ConfigError("is not finished, and has no model YAMLs yet", file=run.folder, hint="finish it by `resume`")
    return model.yaml


if __name__ == "__main__":
    cli.run(app)
