"""``python -m nas.export MODEL``: what was found, as the YAML of a trainer, or as an ONNX file to deploy."""

from __future__ import annotations

import hashlib
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from rich.console import Console

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.data.loading import class_names
from nas.detectors.heads import DIALECTS, in_dialect
from nas.detectors.network import Network, fuse
from nas.detectors.rows import Detector
from nas.detectors.scales import scaled_name
from nas.detectors.yaml_files import to_yaml
from nas.errors import InputError, ModelError
from nas.files import replacing, write
from nas.integrations.checkpoint import read_checkpoint
from nas.latency.runtimes.onnx_runtimes import export
from nas.runs.run import load_run
from nas.spaces.architecture import decode
from nas.spaces.models import load_detector, size_of
from nas.spaces.new_space import new_space as space_around

app = typer.Typer(add_completion=False)

SIZE = 640


class Exported(NamedTuple):
    """A detector to export: the ``name`` of its files, its rows, its image size in pixels, a ``title`` for the rows,
    and its network, if trained."""

    name: str
    detector: Detector
    imgsz: int
    title: str = ""
    trained: Network | None = None


@app.command()
def main(
    model: Annotated[
        str,
        typer.Argument(help="Run directory, model YAML, architecture string, or a checkpoint (.pt) of nas.train."),
    ],
    dialect: Annotated[str, typer.Option(help=f"Whose YAML: {', '.join(DIALECTS)}.")] = "ultralytics",
    nc: Annotated[int | None, typer.Option(help="Classes.", show_default="the model's; 80 for an architecture")] = None,
    data: Annotated[str | None, typer.Option(help="The data.yaml whose classes it is for, in place of --nc.")] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write an ONNX file in place of a YAML.")] = False,
    imgsz: Annotated[
        int | None, typer.Option(help="Image size of the ONNX file in pixels.", show_default="the model's; else 640")
    ] = None,
    new_space: Annotated[
        Path | None, typer.Option(help="Write this space file in place of a YAML, for a search round the model.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("exported"),
) -> None:
    """Write the YAML of a trainer, with its own keys and head, or the ONNX file that a runtime loads."""
    console = Console(soft_wrap=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False)

    if dialect not in DIALECTS:
        raise InputError(f"--dialect {dialect}: no such trainer; known are {', '.join(DIALECTS)}")
    if data is not None and nc is not None:
        raise InputError("--nc, --data: both say the classes; give one of them")
    nc = len(class_names(data)) if data is not None else nc
    check_nc(nc)
    if imgsz is not None:
        check_imgsz(imgsz)
    if onnx and find_spec("onnx") is None:
        raise InputError("--onnx: onnx is not installed; run pip install 'pareto-yolo[onnx]'")
    if new_space is not None:
        _write_space(new_space, model, nc, say)
        return
    for found in _found(model, nc, imgsz, say):
        detector = _in_dialect(found, dialect)
        path = out / f"{scaled_name(found.name)}.{'onnx' if onnx else 'yaml'}"
        if onnx:
            _write_onnx(path, found, detector, say)
        else:
            title = f"{found.title}\nfor {DIALECTS[dialect].title}".strip()
            write(path, to_yaml(detector, title))
        say(f"{path}{'' if onnx else f': {_training(dialect, path, found.imgsz)}'}")
        if dialect != "ultralytics":
            say(
                f"  its head is that of {DIALECTS[dialect].title}, not the one that a search trains and measures; its "
                f"latency: python -m nas.latency predict {path} --imgsz {found.imgsz}"
            )


def _found(model: str, nc: int | None, imgsz: int | None, say: cli.Say) -> list[Exported]:
    """What ``model`` names."""
    path = Path(model)
    if path.is_dir():
        run = load_run(path)
        nc = nc or run.result.nc
        return [Exported(m.name, decode(m.arch).detector(nc), imgsz or m.imgsz, m.arch) for m in run.front]
    size = size_of(model, imgsz, SIZE)
    if path.suffix == ".pt":
        detector, network, hidden, stock = read_checkpoint(path)
        if hidden != stock:
            say(
                f"{path}: the class branch of its head is {hidden} channels wide inside and not {stock}, from the "
                "weights that its training started from: it is larger and slower than what was searched and measured"
            )
        if nc is not None and nc != detector.nc:
            raise InputError(f"{path}: was trained for {detector.nc} classes, not {nc}; drop --nc and --data")
        return [Exported(path.stem, detector, size, f"trained: {path}", network)]
    detector = load_detector(model, nc, size, say)
    yaml = path.suffix in {".yaml", ".yml"}
    name = path.stem if yaml else re.sub(r"\W", "-", model.partition("/")[0]) + "-" + _digest(model)
    return [Exported(name, detector, size, "" if yaml else model)]


def _write_space(path: Path, model: str, nc: int | None, say: cli.Say) -> None:
    if path.suffix not in {".yaml", ".yml"}:
        raise InputError(f"--new-space {path}: give the path of a .yaml file")
    if path.exists():
        raise InputError(f"--new-space {path}: is there already; give another path, or remove it")
    detector = load_detector(model, nc, SIZE, say)
    try:
        text = space_around(detector, path.stem)
    except ModelError as error:
        error.file = model
        raise
    write(path, text)
    say(f"{path}: edit it, then python -m nas.search --space {path} --start {shlex.quote(model)}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def _in_dialect(found: Exported, dialect: str) -> Detector:
    try:
        detector = in_dialect(found.detector, dialect)
    except ModelError as error:
        error.file = found.name
        raise
    if found.trained is not None and detector != found.detector:
        raise InputError(f"--dialect {dialect}: a checkpoint keeps the head that it was trained with; drop --dialect")
    return detector


def _write_onnx(path: Path, found: Exported, detector: Detector, say: cli.Say) -> None:
    """The deployed form: convolutions and norms fused, operators as they are measured."""
    if found.trained is None:
        say("the weights are random, as for measuring; give a checkpoint for trained ones")
    network = found.trained or Network(detector, 0)
    content = export(fuse(network.eval()), [torch.rand(1, 3, found.imgsz, found.imgsz)], ("images",), ("output0",))
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _training(dialect: str, path: Path, size: int) -> str:
    """The command that trains this YAML."""
    file = shlex.quote(str(path))
    if dialect == "ultralytics":
        return f"python -m nas.train model={file} data=data.yaml imgsz={size} epochs=300"
    return f"python train.py --weights '' --cfg {file} --data data.yaml --imgsz {size} --epochs 300  (in its checkout)"


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
