"""Checkpoints that Ultralytics' trainer starts from."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.errors import TransferError
from nas.files import replacing
from nas.integrations.ultralytics import import_ultralytics, register


def write_start(file: Path, detector: Detector, network: Network, names: Sequence[str]) -> None:
    """Write weights as a checkpoint, for Ultralytics' argument ``pretrained``.

    Args:
        file: The checkpoint (.pt).
        detector: The rows.
        network: The weights; on the CPU.
        names: Class names.

    Raises:
        InputError: Ultralytics is not installed.
        TransferError: Ultralytics builds other parameters from these rows.
    """
    register()
    tasks = import_ultralytics("ultralytics.nn.tasks")
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "model.yaml"
        text.write_text(detector.to_yaml(), encoding="utf-8")
        model = tasks.DetectionModel(str(text), verbose=False)
    try:
        model.load_state_dict(network.state_dict())
    except RuntimeError as error:
        problem = " ".join(str(error).split())[:300]
        raise TransferError(f"Ultralytics builds other parameters from these rows: {problem}") from None
    model.names = dict(enumerate(names))
    with replacing(file) as unfinished:
        torch.save({"epoch": -1, "ema": None, "model": model.half(), "train_args": {}}, unfinished)


def write_weights(file: Path, detector: Detector, network: Network, names: Sequence[str]) -> None:
    """Write trained weights: a checkpoint of Ultralytics where it is installed, otherwise a state dict.

    Args:
        file: The file (.pt).
        detector: The rows.
        network: The weights; on the CPU.
        names: Class names.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if find_spec("ultralytics") is not None:
        write_start(file, detector, network, names)
        return
    with replacing(file) as unfinished:
        torch.save(network.state_dict(), unfinished)
