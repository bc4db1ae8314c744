"""``python -m nas.transfer MODEL.yaml --teacher best.pt --data data.yaml``: starting weights for one model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas import cli
from nas.config import check_imgsz
from nas.errors import TransferError
from nas.files import write

if TYPE_CHECKING:
    from nas.data.dataset import Dataset
    from nas.detectors.rows import Detector
    from nas.proxies.pretrained import PretrainedModel
    from nas.terminal import Terminal
    from nas.transfer.starting_weights import StartingWeights

app = typer.Typer(add_completion=False)
SIZE, STEPS = 320, 240
MOST_IMAGES = 4096
"""Largest number of training images that are loaded."""


@app.command()
def main(
    model: Annotated[str, typer.Argument(help="Model YAML, or architecture string, of the teacher's family.")],
    *,
    teacher: Annotated[
        Path, typer.Option(help="Trained model: a checkpoint of Ultralytics' trainer (.pt), or a state dict.")
    ],
    data: Annotated[str, typer.Option(help="data.yaml that the teacher was trained on, or shapes.")],
    out: Annotated[Path, typer.Option(help="File to write, a checkpoint to start a training from.")] = Path("start.pt"),
    imgsz: Annotated[int, typer.Option(help="Image size in pixels, a multiple of 32.")] = SIZE,
    steps: Annotated[
        int, typer.Option(min=0, help="Steps of 16 images that train it as the teacher's student; 0: none.")
    ] = STEPS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    train_device: Annotated[
        str, typer.Option(help="Torch device of the training: auto is a GPU if there is one.")
    ] = "auto",
    as_json: cli.Json = False,
) -> None:
    """Starting weights for a model that you made by hand, from a trained detector of the same family.

    Rows keep the teacher's most important channels. A short training, distilled from the teacher, follows.
    """
    check_imgsz(imgsz)
    if out.suffix != ".pt":
        raise TransferError("must end in .pt", field="out", value=out)
    from rich.console import Console

    from nas.data.loading import load
    from nas.detectors.templates import TEMPLATES
    from nas.integrations.start_checkpoint import write_start
    from nas.proxies.pretrained import read_pretrained
    from nas.proxies.train_device import train_device as resolve_device
    from nas.spaces.models import is_architecture, load_detector
    from nas.terminal import Terminal
    from nas.transfer.starting_weights import starting_weights
    from nas.transfer.student import RECIPE

    with Terminal(Console(stderr=as_json, soft_wrap=True, highlight=False)) as display:
        device = resolve_device(train_device)
        given = read_pretrained(teacher, list(TEMPLATES))
        detector = load_detector(model, given.detector.nc, imgsz, display.say)
        _check_family(model, detector, given)
        dataset = load(data, imgsz, max_train=MOST_IMAGES, max_val=MOST_IMAGES)
        _check_classes(given, dataset, teacher)
        recipe = replace(RECIPE, imgsz=imgsz, steps=steps, val_images=MOST_IMAGES)
        with display.bar("student of the teacher") as progress:
            found = starting_weights(detector, given, dataset, recipe, seed, device, progress)
        write_start(out, detector, found.network.cpu(), dataset.classes)
        if is_architecture(model):  # Ultralytics needs a file
            write(out.with_suffix(".yaml"), detector.to_yaml(f"{model}, to train from {out.name}"))
            model = str(out.with_suffix(".yaml"))
        if as_json:
            json.dump(_facts(found, out), sys.stdout, indent=2)
            print()
        else:
            _show(found, steps, display)
        display.say(f"{out}: train it with")
        display.say(f"  python -m nas.train model={model} pretrained={out} data={data} imgsz={imgsz} epochs=100")


def _check_family(name: str, detector: Detector, teacher: PretrainedModel) -> None:
    from nas.transfer.starting_weights import check_family

    try:
        check_family(detector, teacher.detector)
    except TransferError as error:
        error.file = name
        raise


def _check_classes(teacher: PretrainedModel, dataset: Dataset, file: Path) -> None:
    if teacher.detector.nc != dataset.nc:
        problem = f"was trained for {teacher.detector.nc} classes, and {dataset.name} has {dataset.nc}"
        hint = f"train it on the data first: python -m nas.train model={file} data={dataset.name}"
        raise TransferError(problem, file=file, field="teacher", hint=hint)


def _facts(found: StartingWeights, out: Path) -> dict[str, Any]:
    scores = {"teacher_ap": found.teacher_ap, "restricted_ap": found.restricted_ap, "ap": found.ap}
    return {"weights": str(out), **scores, "rows": [row._asdict() for row in found.rows]}


def _show(found: StartingWeights, steps: int, display: Terminal) -> None:
    fresh = [f"{row.row} ({row.module})" for row in found.rows if row.share == 0]
    partly = [f"{row.row} ({row.module}, {row.share:.0%})" for row in found.rows if 0 < row.share < 1]
    display.say(f"{len(found.rows)} rows have weights; {len(found.rows) - len(fresh)} take theirs from the teacher")
    if partly:
        display.say(f"rows with some fresh weights: {', '.join(partly)}")
    if fresh:
        display.say(f"rows that start fresh: {', '.join(fresh)}")
    after = f", after {steps} steps as its student {found.ap:.3f}" if steps else ""
    scores = f"teacher {found.teacher_ap:.3f}, its weights in this model {found.restricted_ap:.3f}{after}"
    display.say(f"AP50-95 on the validation split: {scores}")


if __name__ == "__main__":
    cli.run(app)
