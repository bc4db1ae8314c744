"""``python -m nas.export MODEL``: write models as the YAML of a trainer, an ONNX file or a new search space."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.detectors.heads import DIALECTS
from nas.errors import ConfigError

app = typer.Typer(add_completion=False)


@app.command()
def main(
    model: Annotated[
        str,
        typer.Argument(help="Run directory, model YAML, architecture string, or a checkpoint (.pt) of nas.train."),
    ],
    dialect: Annotated[str, typer.Option(help=f"Trainer that reads the YAML: {', '.join(DIALECTS)}.")] = "ultralytics",
    nc: Annotated[
        int | None, typer.Option(help="Number of classes.", show_default="the model's; 80 for an architecture")
    ] = None,
    data: Annotated[str | None, typer.Option(help="data.yaml that names the classes, in place of --nc.")] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write an ONNX file in place of a YAML.")] = False,
    imgsz: Annotated[
        int | None, typer.Option(help="Image size of the ONNX file in pixels.", show_default="the model's; else 640")
    ] = None,
    new_space: Annotated[
        Path | None, typer.Option(help="Write this space file in place of a YAML, for a search around the model.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("exported"),
) -> None:
    """Write the YAML of a trainer, with its own keys and head, or the ONNX file that a runtime loads."""
    console = Console(soft_wrap=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False)

    if dialect not in DIALECTS:
        problem = f"no such trainer; known are {', '.join(DIALECTS)}"
        raise ConfigError(problem, field="dialect", value=dialect)
    if imgsz is not None:
        check_imgsz(imgsz)
    nc = _classes(nc, data)

    from nas.runs import export  # reads runs and models: only once the options are checked
    from nas.runs.export_cards import write_export_card
    from nas.runs.onnx_file import check_onnx

    if onnx:
        check_onnx()
    if new_space is not None:
        export.write_new_space(new_space, model, nc, say)
        say(f"{new_space}: edit it, then python -m nas.search --space {new_space} --start {shlex.quote(model)}")
        return
    for found in export.models_to_export(model, nc, imgsz, say):
        if onnx:
            path = export.write_onnx(found, dialect, out, say)
            say(f"{path}")
        else:
            path = export.write_model_yaml(found, dialect, out)
            say(f"{path}: {_training_command(dialect, path, found.imgsz)}")
        write_export_card(found, path, dialect, model)
        if dialect != "ultralytics":
            say(
                f"  its head is that of {DIALECTS[dialect].title}, not the one that a search trains and measures; its "
                f"latency: python -m nas.latency predict {path} --imgsz {found.imgsz}"
            )


def _classes(nc: int | None, data: str | None) -> int | None:
    """The number of classes that the options give; None: neither option is given."""
    if data is None:
        check_nc(nc)
        return nc
    if nc is not None:
        raise ConfigError("`data` gives the classes too", field="nc", value=nc, hint="give one of them")
    from nas.data.loading import class_names

    return len(class_names(data))


def _training_command(dialect: str, path: Path, size: int) -> str:
    file = shlex.quote(str(path))
    if dialect == "ultralytics":
        return f"python -m nas.train model={file} data=data.yaml imgsz={size} epochs=300"
    return f"python train.py --weights '' --cfg {file} --data data.yaml --imgsz {size} --epochs 300  (in its checkout)"


if __name__ == "__main__":
    cli.run(app)
