"""Rows to a torch module, keyed as the trainers' checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from nas.detectors.rows import Detector, ResolvedRow
from nas.operators.detect import Detect, Predictions


def build_row(resolved: ResolvedRow) -> nn.Module:
    """The module of one row: itself, or with several copies an ``nn.Sequential`` of them, as in the trainers."""
    arguments, copies, _ = resolved.call
    module = resolved.row.operator.module
    built = [module(*arguments) for _ in range(copies)]
    return built[0] if copies == 1 else nn.Sequential(*built)


def _seeded(resolved: ResolvedRow, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(hashlib.sha256(f"{seed}/{resolved.index}".encode()).digest()[:8]))
        return build_row(resolved)


def fuse(module: nn.Module) -> nn.Module:
    """Put every part that has a deployed form into it, in place, for inference; returns the module."""
    for part in list(module.eval().modules()):
        deploy = getattr(part, "fuse", None)
        if deploy is not None:
            deploy()
    return module


def with_trainers_norms(module: nn.Module) -> nn.Module:
    """Give all batch norms inside the trainers' epsilon and momentum, in place; returns the module."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps, part.momentum = 1e-3, 0.03
    return module


class Network(nn.Module):
    """A detector's module. Images (B, 3, S, S) in 0..1 -> `Predictions` in training, else (B, 4 + nc, A) decoded.

    State-dict keys are ``model.{row}...``. Batch norms have the trainers' epsilon (1e-3) and momentum (0.03). With a
    ``seed`` every row draws its initial weights from (seed, row number), leaving torch's random state alone: equal
    rows of two detectors start equal, so that a comparison of the two is not about the rest of the network.
    """

    strides = Detect.strides

    def __init__(self, detector: Detector, seed: int | None = None):
        super().__init__()
        rows = list(detector.resolve())
        self.model = nn.ModuleList(build_row(row) if seed is None else _seeded(row, seed) for row in rows)
        self.sources = [row.row.source for row in rows]
        self.saved = {s for source in self.sources for s in source if s != -1}
        with_trainers_norms(self)

    def forward(self, x: torch.Tensor) -> Predictions | torch.Tensor:
        saved: dict[int, torch.Tensor] = {}
        y: torch.Tensor | Predictions = x
        for index, (module, source) in enumerate(zip(self.model, self.sources, strict=True)):
            inputs = self._gather(source, cast(torch.Tensor, y), saved)
            y = module(inputs)
            if index in self.saved:
                saved[index] = cast(torch.Tensor, y)
        return y

    @staticmethod
    def _gather(
        source: Sequence[int], last: torch.Tensor, saved: dict[int, torch.Tensor]
    ) -> torch.Tensor | list[torch.Tensor]:
        maps = [last if s == -1 else saved[s] for s in source]
        return maps[0] if len(maps) == 1 else maps
