"""``python -m nas.finish RUN``: train, validate, export and measure one model of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas import cli
from nas.errors import ConfigError
from nas.runs.next_commands import EPOCHS

app = typer.Typer(add_completion=False)


@app.command()
def main(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    train_options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="More arguments of Ultralytics, such as batch=8.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the model, such as 03-5f0c1d, or stock.", show_default="recommended")
    ] = None,
    max_latency: Annotated[
        float | None, cli.option("max_latency", "Highest latency of one image, in ms, for the recommended model.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of the training.")] = EPOCHS,
    data: Annotated[str | None, typer.Option(help="data.yaml to train on.", show_default="that of the run")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the result.", show_default="RUN/finish")] = None,
    as_json: cli.Json = False,
) -> None:
    """Train a model of a run with Ultralytics, validate it, export it to ONNX and measure it on the device.

    The files are in RUN/finish: best.pt, best.onnx, card.md, result.json. The same command continues after Ctrl-C.
    """
    import json

    from rich.console import Console

    from nas.reports.finished_text import show_finished
    from nas.runs.finishing import chosen_model, finish_model
    from nas.runs.run import load_run
    from nas.terminal import Terminal

    options = train_options or []
    for wrong in (option for option in options if "=" not in option):
        raise ConfigError(f"{wrong}: not KEY=VALUE, as Ultralytics' arguments are", hint="give one such as batch=8")
    opened = load_run(run)
    chosen = chosen_model(opened, model, max_latency)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    with Terminal(console) as terminal:
        found = finish_model(opened, chosen, terminal, epochs=epochs, data=data, options=options, out=out)
    if as_json:
        print(json.dumps(found.record.to_json() | {"folder": str(found.folder)}, indent=2))
    else:
        show_finished(found, terminal)


if __name__ == "__main__":
    cli.run(app)
