"""Checkpoints of Ultralytics' trainer, in rows of ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from torch import Tensor

from nas.detectors.network import Network, with_trainers_norms
from nas.detectors.rows import Detector
from nas.detectors.yaml_files import from_content
from nas.errors import InputError
from nas.integrations.ultralytics import import_ultralytics, register
from nas.operators.detect import Detect


class Checkpoint(NamedTuple):
    """A trained detector: its rows, and a `Network` of its weights, in eval mode.

    ``hidden`` is the width inside the head's class branch, and ``stock`` what these rows build. They differ where the
    training started from weights for another number of classes: Ultralytics then takes over the wider branch whole, so
    that the trained model is larger, and slower, than the one that was searched.
    """

    detector: Detector
    network: Network
    hidden: int
    stock: int


class Transfer(NamedTuple):
    """By row that has weights, whether a checkpoint's ``fit`` it, by key and shape. ``hidden`` is the width inside the
    checkpoint's class branch where Ultralytics makes the detector's as wide, otherwise 0."""

    fit: Mapping[int, bool]
    hidden: int


def read_checkpoint(path: Path) -> Checkpoint:
    """What a .pt of Ultralytics holds: the averaged weights where there are such, in float32.

    The file is unpickled, which runs what it says: open only what comes from people you trust. Raises InputError for a
    file that is no such checkpoint, or whose rows or weights are not ours to build.
    """
    content, weights = _opened(path)
    try:
        detector = from_content(content, None, str(content.get("scale") or ""), lambda assumed: None)
        network = Network(detector)
        hidden, stock = _hidden(weights), _hidden(network.state_dict())
        if hidden != stock:
            head = cast(Detect, network.model[-1])
            for name in ("cv3", "one2one_cv3"):
                if hasattr(head, name):
                    setattr(head, name, with_trainers_norms(head.class_branches(hidden)))
        network.load_state_dict(weights)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be built of rows of ours: {' '.join(str(error).split())[:300]}") from None
    return Checkpoint(detector, network.eval(), hidden, stock)


def transfer(detector: Detector, path: Path) -> Transfer:
    """How far the weights of a checkpoint fit this detector; raises InputError for a file that is none."""
    _, weights = _opened(path)
    own = Network(detector).state_dict()
    fits: dict[int, bool] = {}
    for key, value in own.items():
        row = int(key.split(".")[1])
        fits[row] = fits.get(row, True) and key in weights and weights[key].shape == value.shape
    # Ultralytics widens a head that reads maps of the same widths.
    reads = [key for key in own if ".cv2." in key and key.endswith(".0.conv.weight")]
    alike = all(key in weights and weights[key].shape[1] == own[key].shape[1] for key in reads)
    hidden = _hidden(weights)
    return Transfer(fits, hidden if alike and hidden != _hidden(own) else 0)


def _opened(path: Path) -> tuple[dict[str, Any], Mapping[str, Tensor]]:
    """The YAML's content and the state dict."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a checkpoint of nas.train, such as runs/.../weights/best.pt")
    register()
    tasks = import_ultralytics("ultralytics.nn.tasks")
    try:
        held, _ = tasks.torch_safe_load(str(path))
        model = held.get("ema") or held["model"]
        return dict(model.yaml), model.float().state_dict()
    except Exception as error:  # whatever unpickling makes of another file
        problem = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a checkpoint of Ultralytics' trainer: {problem}") from None


def _hidden(weights: Mapping[str, Tensor]) -> int:
    """The width inside the class branch: what its last convolution reads."""
    return next((int(value.shape[1]) for key, value in weights.items() if key.endswith(".cv3.0.2.weight")), 0)
