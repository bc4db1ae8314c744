"""Runtimes: what executes a module on the device that latency counts on."""

from nas.runtimes._base import Prepared, Runtime
from nas.runtimes._choose import RUNTIMES, choose
from nas.runtimes._onnx import export

__all__ = ["RUNTIMES", "Prepared", "Runtime", "choose", "export"]
