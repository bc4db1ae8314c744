"""Runtimes: they execute modules on the device. A user's own runtime derives from `Runtime`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.latency.runtimes.base import Prepared, Runtime
    from nas.latency.runtimes.onnx_runtimes import export
    from nas.latency.runtimes.registry import RUNTIMES, choose

__all__ = ["RUNTIMES", "Prepared", "Runtime", "choose", "export"]

_HOMES = {
    "Prepared": "base",
    "Runtime": "base",
    "export": "onnx_runtimes",
    "RUNTIMES": "registry",
    "choose": "registry",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that the package imports no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
