"""Files of tensors and plain values, saved by ``torch.save`` and read without running code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from nas.errors import TransferError


def load_tensors(file: Path, device: str = "cpu") -> Any:
    """Read a file of tensors and plain values.

    Args:
        file: The file.
        device: Torch device of the tensors.

    Raises:
        TransferError: The file is absent or damaged, or contains anything else.
    """
    try:
        return torch.load(file, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, LookupError, ValueError, TypeError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise TransferError(f"not readable: {reason}", file=file) from None
