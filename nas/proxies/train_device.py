"""Torch device of trainings."""

from __future__ import annotations

import torch

from nas.errors import ConfigError


def train_device(name: str, elsewhere: bool = False) -> str:
    """Resolve the option ``train_device``.

    Args:
        name: ``auto`` for a GPU if there is one, ``cpu``, or ``cuda`` with or without a number.
        elsewhere: True if other machines train. Their GPUs are used only where they are asked for.

    Raises:
        ConfigError: There is no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() and not elsewhere else "cpu"
    if not elsewhere and name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("torch finds no CUDA device", field="train_device", value=name, hint="give cpu")
    return name
