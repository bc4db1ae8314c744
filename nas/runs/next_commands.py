"""Commands for the next step of a person, with the paths filled in."""

from __future__ import annotations

import shlex
from pathlib import Path

EPOCHS = 300
"""Epochs of a full training."""
DATA = "data.yaml"
"""Stands for the user's data.yaml where it is not known: the built-in set has none."""


def train_command(model: str | Path, data: str | None, imgsz: int) -> str:
    """The command that trains a model YAML with Ultralytics.

    Args:
        model: The YAML.
        data: The data.yaml, or "shapes" or None where there is none.
        imgsz: Side of the images in pixels.

    Example:
        >>> train_command("runs/mine/pareto/03-5f0c1d.yaml", "my-data/data.yaml", 320)
        'python -m nas.train model=runs/mine/pareto/03-5f0c1d.yaml data=my-data/data.yaml imgsz=320 epochs=300'
    """
    options = [f"model={model}", f"data={data_argument(data)}", f"imgsz={imgsz}", f"epochs={EPOCHS}"]
    return shlex.join(["python", "-m", "nas.train", *options])


def training_notes(command: str) -> list[str]:
    """Comments for a model YAML: the command that trains it, and why `yolo` itself does not."""
    return [f"train it: {command}", "(yolo itself knows the stock modules only; nas.train adds ours)"]


def data_argument(data: str | None) -> str:
    """The data.yaml to name in a command."""
    return DATA if data in {None, "shapes"} else str(data)
