"""Commands for the next step of a person, with the paths filled in."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.data.resolved import FILE as RESOLVED

if TYPE_CHECKING:
    from nas.runs.finalists import Finalist

EPOCHS = 300
"""Epochs of a full training."""
FURTHER_EPOCHS = 100
"""Epochs of a training that starts from trained weights."""
RANDOM_ONNX = "write an ONNX file with random weights"
"""Purpose of a command in `model_commands`."""
DATA = "data.yaml"
"""Stands for the user's data.yaml where it is not known: the built-in set has none."""


def train_command(model: str | Path, data: str | None, imgsz: int, weights: str | Path = "") -> str:
    """The command that trains a model YAML with Ultralytics.

    Args:
        model: The YAML.
        data: The data.yaml, or "shapes" or None where there is none.
        imgsz: Side of the images in pixels.
        weights: Trained weights to start from; empty to start from scratch.

    Example:
        >>> train_command("runs/mine/pareto/03-5f0c1d.yaml", "my-data/data.yaml", 320)
        'python -m nas.train model=runs/mine/pareto/03-5f0c1d.yaml data=my-data/data.yaml imgsz=320 epochs=300'
    """
    start, epochs = ([f"pretrained={weights}"], FURTHER_EPOCHS) if str(weights) else ([], EPOCHS)
    options = [f"model={model}", *start, f"data={data_argument(data)}", f"imgsz={imgsz}", f"epochs={epochs}"]
    return shlex.join(["python", "-m", "nas.train", *options])


def onnx_command(model: str | Path, imgsz: int) -> str:
    """The command that writes an ONNX file of a model YAML, with random weights, or of a checkpoint."""
    return shlex.join(["python", "-m", "nas.export", str(model), "--onnx", "--imgsz", str(imgsz)])


def model_commands(run: Path, model: Finalist, data: str) -> dict[str, str]:
    """The next commands for a model of the front, by their purpose. One with trained weights trains on from them.

    Args:
        run: The run directory.
        model: The model.
        data: The data.yaml of the run, or "shapes".
    """
    path, known = run / "pareto" / Path(model.yaml).name, "shapes" if data == "shapes" else None
    finish = finish_command(run, model.name, known, FURTHER_EPOCHS if model.weights else EPOCHS)
    if not model.weights:
        return {
            "train it": train_command(path, data, model.imgsz),
            "train, export and measure it": finish,
            RANDOM_ONNX: onnx_command(path, model.imgsz),
        }
    weights = path.with_suffix(".pt")
    return {
        "train it further": train_command(path, data, model.imgsz, weights),
        "export it to ONNX": onnx_command(weights, model.imgsz),
        "train it further, export and measure it": finish,
    }


def finish_command(
    run: str | Path, model: str, data: str | None, epochs: int = EPOCHS, options: Sequence[str] = ()
) -> str:
    """The command that trains, validates, exports and measures a model of a run.

    Args:
        run: The run directory.
        model: Name of the model.
        data: The data set to name; None: that of the run.
        epochs: Epochs of the training.
        options: More arguments of Ultralytics.
    """
    found = ["python", "-m", "nas.finish", str(run), "--model", model, "--epochs", str(epochs)]
    found += [] if data is None else ["--data", data_argument(data)]
    return shlex.join([*found, *options])


def resume_command(run: str | Path) -> str:
    """The command that continues a run.

    Args:
        run: The run directory.
    """
    options = ["--config", str(Path(run) / "run.json"), "--out", str(run), "--resume"]
    return shlex.join(["python", "-m", "nas.search", *options])


def bundle_command(run: str | Path, kit: str = "DIR") -> str:
    """The command that makes a measuring kit for the device of a run.

    Args:
        run: The run directory.
        kit: The kit's folder.
    """
    return shlex.join(["python", "-m", "nas.latency", "bundle", kit, "--run", str(run)])


def report_command(run: str | Path) -> str:
    """The command that writes the report of a run, a partial one where it is not finished."""
    return shlex.join(["python", "-m", "nas.report", str(run)])


def training_data(run: Path, data: str) -> str:
    """The data.yaml that names the images of a search from any working directory.

    Args:
        run: The run directory.
        data: The option `data` of the search, for runs without one.
    """
    file = run / RESOLVED
    return str(file) if file.is_file() else data


def training_notes(command: str) -> list[str]:
    """Comments for a model YAML: the command that trains it, and why `yolo` itself does not."""
    return [f"train it: {command}", "(yolo itself knows the stock modules only; nas.train adds ours)"]


def data_argument(data: str | None) -> str:
    """The data.yaml to name in a command."""
    return DATA if data in {None, "shapes"} else str(data)
