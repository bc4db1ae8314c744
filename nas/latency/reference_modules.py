"""Reference kernel as torch modules, and the ONNX files made of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import nn

from nas.latency.kit_models import compressible
from nas.latency.reference import MODELS, SHAPES
from nas.latency.runtimes.onnx_runtimes import export


def reference() -> tuple[nn.Module, list[torch.Tensor]]:
    """The reference kernel and its input. Torch's random state is left as it is.

    It is a small detector in its mix of maps and weights. In slow windows of a shared machine it slows down as
    detectors do; a kernel that fits into the caches does not.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        widths = ((48, 48, 1), (48, 128, 2), (128, 192, 2), (192, 192, 1))
        layers = [(nn.Conv2d(c1, c2, 3, stride, 1), nn.SiLU()) for c1, c2, stride in widths]
        kernel = nn.Sequential(*(part for layer in layers for part in layer)).eval()
        return kernel, [torch.randn(SHAPES["reference"])]


def nothing() -> tuple[nn.Module, list[torch.Tensor]]:
    """A module that does nothing, and its input. Its time is the cost of a call."""
    return nn.Identity(), [torch.zeros(SHAPES["nothing"])]


def write_models(path: Path = MODELS) -> None:
    """Export both as ONNX files into an archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as models:
        for name, make in (("reference", reference), ("nothing", nothing)):
            models.writestr(zipfile.ZipInfo(f"{name}.onnx"), compressible(export(*make())), zipfile.ZIP_DEFLATED)
