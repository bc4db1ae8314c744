"""The reference kernel, in units of which everything is timed."""

from __future__ import annotations

import torch
from torch import nn

from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.measure import Bench

REFERENCE = "3x3 convolutions 48 to 48 at 40x40, to 128 and to 192 by stride 2, 192 to 192, each with SiLU"


def reference() -> tuple[nn.Module, list[torch.Tensor]]:
    """The module and its inputs; the caller's random state is left alone.

    It is a small detector in its mix of maps and weights: in slow windows of a shared machine it slows down as whole
    detectors do, which a kernel that fits into the caches does not.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        widths = ((48, 48, 1), (48, 128, 2), (128, 192, 2), (192, 192, 1))
        layers = [(nn.Conv2d(c1, c2, 3, stride, 1), nn.SiLU()) for c1, c2, stride in widths]
        return nn.Sequential(*(part for layer in layers for part in layer)).eval(), [torch.randn(1, 48, 40, 40)]


def nothing() -> tuple[nn.Module, list[torch.Tensor]]:
    """A module that does nothing: what it takes is the call's own cost."""
    return nn.Identity(), [torch.zeros(1, 1, 1, 1)]


def bench(runtime: Runtime, nominal: float | None = None) -> Bench:
    """A bench on a runtime; ``nominal`` as in `nas.latency.runtimes.measure.Bench`."""
    return Bench(runtime.prepare(*reference()), nominal, runtime.measuring, runtime.timed)
