"""Trainings in a checkout of YOLOv5 or YOLOv9: the data.yaml that its trainer reads, and its command line."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

from nas.data.data_yaml import read_data_yaml
from nas.data.resolved import write_resolved
from nas.installation import install_elsewhere_command
from nas.runs.next_commands import EPOCHS, data_argument

FILE = "data.yaml"


class Checkout(NamedTuple):
    """The checkout of a trainer.

    Attributes:
        url: Its repository.
        hyp: Its file of hyperparameters for a training from scratch.
        environment: Variables that its last commit needs on current packages.
    """

    url: str
    hyp: str
    environment: tuple[str, ...] = ()


CHECKOUTS = {
    "yolov5": Checkout("https://github.com/ultralytics/yolov5", "data/hyps/hyp.scratch-low.yaml"),
    # Its last commit calls torch.load as it was before torch 2.6.
    "yolov9": Checkout(
        "https://github.com/WongKinYiu/yolov9",
        "data/hyps/hyp.scratch-high.yaml",
        ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1",),
    ),
}
"""Checkouts by dialect. Exported YAMLs have one head, so `train.py` of YOLOv9 trains them, and not `train_dual.py`."""


def checkout_command(dialect: str, model: Path, data: str | None, imgsz: int) -> str:
    """The command that trains a model YAML in the checkout of its trainer.

    Args:
        dialect: A key of `CHECKOUTS`.
        model: The model YAML.
        data: The data.yaml; None where it is not known.
        imgsz: Side of the images in pixels.
    """
    _, hyp, environment = CHECKOUTS[dialect]
    file = data_argument(None) if data is None else str(Path(data).resolve())
    options = ["--weights", "", "--cfg", str(model.resolve()), "--data", file, "--hyp", hyp]
    return shlex.join([*environment, "python", "train.py", *options, "--imgsz", str(imgsz), "--epochs", str(EPOCHS)])


def checkout_note(dialect: str) -> str:
    """The place to run the command in."""
    return (
        f"run it in a checkout (git clone {CHECKOUTS[dialect].url}) whose environment has this package: "
        f"{install_elsewhere_command()}"
    )


def write_checkout_data(data: str | Path, folder: Path) -> Path:
    """Write a data.yaml by absolute paths. These trainers resolve relative ones against their own checkout.

    Args:
        data: The data.yaml of Ultralytics' format.
        folder: The folder to write into.

    Returns:
        The path of the file.

    Raises:
        DataError: The data.yaml cannot be used.
    """
    write_resolved(read_data_yaml(str(data)), folder / FILE, ascii_only=True)
    return folder / FILE
