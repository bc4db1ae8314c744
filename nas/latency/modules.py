"""Modules to measure: rows and detectors in their deployed form, with inputs."""

from __future__ import annotations

import torch
from torch import nn

from nas.detectors.network import Network, build_row, fuse
from nas.detectors.rows import Detector, ResolvedRow
from nas.latency.runtimes.measure import Ends


def build(resolved: ResolvedRow) -> tuple[nn.Module, list[torch.Tensor]]:
    """The deployed module of a row and its `inputs`. Torch's random state is left as it is."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return fuse(build_row(resolved).eval()), inputs(resolved)


def inputs(resolved: ResolvedRow) -> list[torch.Tensor]:
    """Random inputs of a row, each (1, C, H, W), the same every time."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(1, *shape, generator=generator) for shape in resolved.inputs]


def ends(resolved: ResolvedRow) -> Ends:
    """Ends of a row: True if it reads the image, and True if its output is the predictions."""
    return resolved.index == 0, resolved.row.operator.is_head


def end_to_end(detector: Detector, imgsz: int) -> tuple[nn.Module, list[torch.Tensor]]:
    """The deployed module of a detector and a random image (1, 3, imgsz, imgsz); torch's random state stays."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return fuse(Network(detector).eval()), [torch.rand(1, 3, imgsz, imgsz)]
