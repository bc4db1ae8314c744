"""``python -m nas.export MODEL``: write models as YAML of a trainer, ONNX file, deployed file or new search space."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.detectors.heads import DIALECTS
from nas.errors import ConfigError
from nas.latency.hints import latency_command

if TYPE_CHECKING:
    from nas.runs.export import ExportedModel

app = typer.Typer(add_completion=False)

Data = Annotated[
    str | None,
    typer.Option(
        help="data.yaml of the training: it names the classes, in place of --nc. With --runtime, its training images "
        "calibrate int8, and its validation images give the AP."
    ),
]
Runtime = Annotated[
    str | None, typer.Option(help="Write what this runtime deploys, checked and measured: onnxruntime or openvino.")
]
Precision = Annotated[
    str | None,
    typer.Option(help="Precision of the deployed file: float32, bfloat16, float16, int8.", show_default="float32"),
]
KeepFloat = Annotated[
    list[str] | None,
    typer.Option(
        help="Part to leave in float in int8: head (its last layers), the number of a row, worst:K for the K most "
        "sensitive rows, or none. Repeat it for several.",
        show_default="head where it saves AP",
    ),
]


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
    data: Data = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write an ONNX file in place of a YAML.")] = False,
    imgsz: Annotated[
        int | None, typer.Option(help="Image size of the file in pixels.", show_default="the model's; else 640")
    ] = None,
    runtime: Runtime = None,
    precision: Precision = None,
    keep_float: KeepFloat = None,
    new_space: Annotated[
        Path | None, typer.Option(help="Write this space file in place of a YAML, for a search around the model.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("exported"),
    as_json: cli.Json = False,
) -> None:
    """Write the YAML of a trainer, with its own keys and head, or the file that a runtime deploys."""
    console = Console(soft_wrap=True, highlight=False)
    if runtime is not None:
        others = {"onnx": onnx, "new_space": new_space, "dialect": dialect != "ultralytics", "nc": nc}
        _refuse(others, "`runtime` writes the file that it deploys")
        deployment = (runtime, precision or "float32", data, tuple(keep_float or ()))
        _deploy(model, deployment, imgsz, out, as_json)
        return
    of_deployment = {"precision": precision, "keep_float": keep_float, "json": as_json}
    _refuse(of_deployment, "is for deployed files", "give `runtime` too")

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
    models = export.models_to_export(model, nc, imgsz, say)
    paths = _write_onnx(models, dialect, out, say) if onnx else _write_yamls(models, dialect, data, out, say)
    for found, path in zip(models, paths, strict=True):
        write_export_card(found, path, dialect, model)


def _refuse(options: Mapping[str, object], problem: str, hint: str = "") -> None:
    """Raise ConfigError for the first option that is given."""
    for name in (name for name, value in options.items() if value):
        raise ConfigError(problem, field=name, hint=hint or f"drop `{name}`")


def _deploy(
    model: str, deployment: tuple[str, str, str | None, tuple[str, ...]], imgsz: int | None, out: Path, as_json: bool
) -> None:
    """Write a deployed file and print its figures."""
    import json

    from nas.runs.deployment_options import DeployOptions, check_options
    from nas.terminal import Terminal

    if imgsz is not None:
        check_imgsz(imgsz)
    options = DeployOptions(*deployment)
    check_options(options)
    if not model.endswith(".pt"):
        raise ConfigError("has no trained weights to deploy", file=model, hint="give a checkpoint (.pt) of nas.train")

    from nas.integrations.checkpoint import training_imgsz  # imports torch: only once the options are checked
    from nas.reports.deployment_text import show_deployment
    from nas.runs.deployment import deploy
    from nas.runs.export import models_to_export

    with Terminal(Console(stderr=as_json, soft_wrap=True, highlight=False)) as terminal:
        (found,) = models_to_export(model, None, imgsz or training_imgsz(Path(model)), terminal.say)
        folder = out / f"{found.name}-{options.runtime}-{options.precision}"
        record = deploy(found, options, folder, terminal)
        if as_json:
            print(json.dumps(record.to_json() | {"folder": str(folder)}, indent=2))
        else:
            show_deployment(record, folder, terminal)


def _write_onnx(models: Sequence[ExportedModel], dialect: str, folder: Path, say: cli.Say) -> list[Path]:
    from nas.runs.export import write_onnx

    paths = [write_onnx(model, dialect, folder, say) for model in models]
    for path in paths:
        say(str(path))
    return paths


def _write_yamls(
    models: Sequence[ExportedModel], dialect: str, data: str | None, folder: Path, say: cli.Say
) -> list[Path]:
    """Write model YAMLs, and the data.yaml that a checkout reads, and say how to train them."""
    from nas.runs.export import write_model_yaml
    from nas.runs.trainer_checkouts import CHECKOUTS, checkout_note, write_checkout_data

    for model in models:
        model.in_dialect(dialect)  # refuses a model before anything is written
    paths = []
    known = models[0].data if data is None and models else data
    known = None if known == "shapes" else known
    if known is not None and dialect in CHECKOUTS:
        known = str(write_checkout_data(known, folder))
    for model in models:
        path, command = write_model_yaml(model._replace(data=known), dialect, folder)
        say(f"{path}: {command}")
        paths.append(path)
        if dialect in CHECKOUTS:
            words = ("predict", str(path), "--imgsz", str(model.imgsz))
            predict = latency_command(*words, fingerprint=model.fingerprint or {})
            say(
                f"  its head is that of {DIALECTS[dialect].title}, not the one that a search trains and measures; its "
                f"latency: {predict}"
            )
    if dialect in CHECKOUTS:
        say(checkout_note(dialect))
    return paths


def _classes(nc: int | None, data: str | None) -> int | None:
    """The number of classes that the options give; None: neither option is given."""
    if data is None:
        check_nc(nc)
        return nc
    if nc is not None:
        raise ConfigError("`data` gives the classes too", field="nc", value=nc, hint="give one of them")
    from nas.data.loading import class_names

    return len(class_names(data))


if __name__ == "__main__":
    cli.run(app)
