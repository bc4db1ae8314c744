"""Checkpoints of Ultralytics' trainer as detectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from nas.detectors.network import Network, with_trainers_norms
from nas.detectors.outputs import difference
from nas.detectors.rows import Detector, row_field
from nas.detectors.yaml_files import from_content
from nas.errors import InputError, ModelError, TransferError
from nas.integrations.ultralytics import import_ultralytics, register
from nas.operators.modules.detect import Detect

LAST = re.compile(r"\.cv3\.0\.\d\.weight$")
"""Key of the last convolution of a class branch; the others have a norm, and other keys."""


class Checkpoint(NamedTuple):
    """A trained detector.

    The two widths differ if the training started from weights for another number of classes: Ultralytics then takes
    over the wider class branch, so the trained model is larger and slower than the one that was searched.

    Attributes:
        detector: The rows.
        network: A `Network` with the trained weights, in eval mode.
        hidden: The channels inside the class branch of the head.
        stock: The channels there that these rows build.
    """

    detector: Detector
    network: Network
    hidden: int
    stock: int


class Transfer(NamedTuple):
    """The fit between a checkpoint and a detector.

    Attributes:
        fit: For each row with weights, True if all weights of the checkpoint fit by key and shape.
        hidden: The channels inside the checkpoint's class branch if Ultralytics makes the detector's as wide; else 0.
    """

    fit: Mapping[int, bool]
    hidden: int


def read_checkpoint(path: Path, nc: int | None = None) -> Checkpoint:
    """Read a checkpoint of Ultralytics' trainer: the averaged weights if it has them, in float32.

    The file is a pickle, which runs code when it is opened: open only files from people you trust.

    Args:
        path: The checkpoint (.pt).
        nc: The number of classes that it must have; None: any.

    Raises:
        TransferError: If the file is no such checkpoint, its rows or weights cannot be built here, or it was trained
            for another number of classes.
        InputError: If Ultralytics is not installed.
    """
    content, theirs = _open(path)
    weights = theirs.state_dict()
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
    except (ModelError, ValueError, RuntimeError) as error:
        problem = " ".join(str(error).split())[:300]
        raise TransferError(f"cannot be built from our rows: {problem}", file=path) from None
    if nc is not None and nc != detector.nc:
        raise TransferError(f"was trained for {detector.nc} classes, not {nc}", file=path, hint="drop `nc`")
    _compare(detector, network.eval(), theirs, path)
    return Checkpoint(detector, network, hidden, stock)


@torch.no_grad()
def _compare(detector: Detector, network: Network, theirs: nn.Module, path: Path) -> None:
    """Raise TransferError unless both give the same outputs: equal weights do not make equal models."""
    size = 2 * detector.multiple
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    head: Any = cast(nn.ModuleList, theirs.model)[-1]
    if getattr(head, "end2end", False):
        head.end2end = False  # our output is that of the one-to-many branches
    output = theirs.eval()(image)
    expected = output[0] if isinstance(output, tuple | list) else output
    if problem := difference(detector, expected.numpy(), cast(Tensor, network(image)).numpy()):
        field = row_field(len(detector.rows) - 1, detector.rows[-1].module)
        reason = f"cannot be built from our rows: other outputs than the checkpoint's: {problem}"
        raise TransferError(reason, file=path, field=field, hint="please report the model as a bug")


def transfer(detector: Detector, path: Path) -> Transfer:
    """Compare the weights of a checkpoint with a detector.

    Args:
        detector: The detector.
        path: The checkpoint (.pt), as in `read_checkpoint`.

    Raises:
        TransferError: If the file is no checkpoint.
        InputError: If Ultralytics is not installed.
    """
    weights = _open(path)[1].state_dict()
    own = Network(detector).state_dict()
    fits: dict[int, bool] = {}
    for key, value in own.items():
        row = int(key.split(".")[1])
        fits[row] = fits.get(row, True) and key in weights and weights[key].shape == value.shape
    # Ultralytics widens a head that reads maps of the same widths, but for one with widths of its own.
    reads = [key for key in own if ".cv2." in key and key.endswith(".0.conv.weight")]
    alike = all(key in weights and weights[key].shape[1] == own[key].shape[1] for key in reads)
    hidden = _hidden(weights)
    widened = alike and hidden != _hidden(own) and detector.rows[-1].module != "SlimDetect"
    return Transfer(fits, hidden if widened else 0)


def check_checkpoint(path: Path) -> None:
    """Raise TransferError unless a file is a checkpoint of Ultralytics' trainer; a state dict is none."""
    _open(path)


def training_imgsz(path: Path) -> int | None:
    """The image size that a checkpoint was trained at, in pixels; None if it does not say.

    Raises:
        TransferError: The file is no checkpoint.
    """
    arguments = getattr(_open(path)[1], "args", None)
    size = arguments.get("imgsz") if isinstance(arguments, Mapping) else None
    return size if isinstance(size, int) else None


def _open(path: Path) -> tuple[dict[str, Any], nn.Module]:
    """The content of the checkpoint's YAML, and its model in float32."""
    if not path.is_file():
        hint = "give a checkpoint of nas.train, such as runs/.../weights/best.pt"
        raise TransferError("no such file", file=path, hint=hint)
    register()
    tasks = import_ultralytics("ultralytics.nn.tasks")
    try:
        held, _ = tasks.torch_safe_load(str(path))
        model = held.get("ema") or held.get("model")
        if model is None:  # a state dict, for one
            raise TransferError("not a checkpoint of Ultralytics' trainer: it contains no model", file=path)
        return dict(model.yaml), model.float()
    except InputError:
        raise
    except Exception as error:  # unpickling another file may raise anything
        problem = " ".join(str(error).split())[:200]
        raise TransferError(f"not a checkpoint of Ultralytics' trainer: {problem}", file=path) from None


def _hidden(weights: Mapping[str, Tensor]) -> int:
    """The channels inside the class branch: the input channels of its last convolution."""
    return next((int(value.shape[1]) for key, value in weights.items() if LAST.search(key)), 0)
