"""Checkpoints of Ultralytics' trainer, read without running the code that a pickle may contain."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas.errors import TransferError
from nas.tensor_files import load_tensors

_VALUES = {
    *("ultralytics.utils.IterableSimpleNamespace", "types.SimpleNamespace", "numpy.dtype", "numpy.ndarray"),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
}
"""Classes and functions of plain values that checkpoints contain beside modules."""
_NUMBERS = [type(np.dtype(code)) for code in "?bBhHiIlLefd"]
"""Types of numpy's numbers."""
_PATHS = {f"pathlib.{name}" for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")}
_RENAMED = {"ultralytics.yolo.utils": "ultralytics.utils", "ultralytics.yolo.v8": "ultralytics.models.yolo"}
"""Packages that Ultralytics renamed in 2023."""


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint. It may contain tensors, plain values, and modules of torch, of Ultralytics and of ours.

    Our operators must be registered, see `nas.integrations.ultralytics.register`.

    Args:
        path: The checkpoint (.pt).

    Raises:
        TransferError: It is no checkpoint, or contains something else, which could run code.
    """
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (OSError, RuntimeError, ValueError, EOFError, LookupError, pickle.UnpicklingError) as error:
        problem = " ".join(str(error).split())[:200] or type(error).__name__
        raise TransferError(f"not a checkpoint of a trainer: {problem}", file=path) from None
    with torch.serialization.safe_globals([*(_part(name, path) for name in names), *_NUMBERS]):
        content = load_tensors(path)
    if not isinstance(content, dict):
        raise TransferError(f"not a checkpoint of a trainer: it contains a {type(content).__name__}", file=path)
    return content


def _part(name: str, path: Path) -> Any:
    """A class that a checkpoint names, with that name; refuses everything but parts of a network."""
    if name in _PATHS:
        return Path, name
    present = next((name.replace(old, new) for old, new in _RENAMED.items() if name.startswith(old)), name)
    module, _, attribute = present.rpartition(".")
    plain = present in _VALUES
    try:
        found = getattr(importlib.import_module(module), attribute) if plain or _known(module) else None
    except (ImportError, AttributeError):
        found = None
    is_part = isinstance(found, type) and issubclass(found, nn.Module)
    if not (is_part or (found is not None and plain)):
        hint = "save it again with the present version of Ultralytics: YOLO('old.pt').save('new.pt')"
        problem = f"contains {name}, which is no part of a network; opening it could run code"
        raise TransferError(problem, file=path, hint=hint)
    return found, name


def _known(module: str) -> bool:
    """Return True for modules whose import runs no code of the checkpoint's author."""
    from nas.operators.registry import OPERATORS

    own = {operator.module.__module__ for operator in OPERATORS.values()}
    return module.partition(".")[0] in {"ultralytics", "torch", "nas"} or module in own
