"""Checkpoints of Ultralytics' trainer as detectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from nas.detectors.network import Network
from nas.detectors.outputs import difference
from nas.detectors.rows import Detector, row_field
from nas.detectors.wide_head import hidden_channels, network_with_hidden
from nas.detectors.yaml_files import from_content
from nas.errors import ModelError, TransferError
from nas.integrations.safe_checkpoint import load_checkpoint
from nas.integrations.ultralytics import import_ultralytics, register


class Checkpoint(NamedTuple):
    """A trained detector.

    The two widths differ if the training started from weights for another number of classes: Ultralytics then takes
    over the wider class branch, so the trained model is larger and slower than the one that was searched.

    Attributes:
        detector: The rows.
        network: A `Network` with the trained weights, in eval mode.
        hidden: The channels inside the class branch of the head.
        stock: The channels there that these rows build.
        names: The class names; empty if the checkpoint has none.
    """

    detector: Detector
    network: Network
    hidden: int
    stock: int
    names: tuple[str, ...] = ()


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

    No code of the file runs, see `nas.integrations.safe_checkpoint`.

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
        hidden, stock = hidden_channels(weights), hidden_channels(Network(detector).state_dict())
        network = network_with_hidden(detector, hidden)
        network.load_state_dict(weights)
    except (ModelError, ValueError, RuntimeError) as error:
        problem = " ".join(str(error).split())[:300]
        raise TransferError(f"cannot be built from our rows: {problem}", file=path) from None
    if nc is not None and nc != detector.nc:
        raise TransferError(f"was trained for {detector.nc} classes, not {nc}", file=path, hint="drop `nc`")
    _compare(detector, network.eval(), theirs, path)
    names = getattr(theirs, "names", None)
    listed = names.values() if isinstance(names, Mapping) else names or ()
    return Checkpoint(detector, network, hidden, stock, tuple(map(str, listed)))


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
    hidden = hidden_channels(weights)
    widened = alike and hidden != hidden_channels(own) and detector.rows[-1].module != "SlimDetect"
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
    import_ultralytics("ultralytics.nn.tasks")
    held = load_checkpoint(path)
    model = held.get("ema") or held.get("model")
    if not isinstance(model, nn.Module) or not hasattr(model, "yaml"):  # a state dict, for one
        raise TransferError("not a checkpoint of Ultralytics' trainer: it contains no model", file=path)
    return dict(cast(Mapping[str, Any], model.yaml)), model.float()
