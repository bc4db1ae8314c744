"""Runtimes: what executes a module on the device that latency counts on."""

from nas.latency.runtimes.base import Prepared, Runtime
from nas.latency.runtimes.onnx_runtimes import export
from nas.latency.runtimes.registry import RUNTIMES, choose

__all__ = ["RUNTIMES", "Prepared", "Runtime", "choose", "export"]
