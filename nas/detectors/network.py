"""Rows to a torch module, keyed as the trainers' checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from nas.detectors.activations import activation
from nas.detectors.rows import BAD_ARGUMENTS, PROBE, Detector, ResolvedRow, row_error
from nas.operators.modules.conv import default_activation
from nas.operators.modules.detect import Predictions


def build_row(resolved: ResolvedRow) -> nn.Module:
    """The module of one row; several copies are an ``nn.Sequential``, as in the trainers.

    Raises:
        ModelError: With the row, if its arguments cannot be built.
    """
    arguments, copies, _ = resolved.call
    module = resolved.row.operator.module
    named = {"strides": resolved.strides} if resolved.strides else {}
    try:
        with default_activation(activation(resolved.activation)):
            built = [module(*arguments, **named) for _ in range(copies)]
    except (*BAD_ARGUMENTS, AssertionError, RuntimeError) as error:
        raise row_error(resolved.index, resolved.row, error) from error
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
    """Give all batch norms the epsilon (1e-3) and momentum (0.03) of the trainers, in place; returns the module."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps, part.momentum = 1e-3, 0.03
    return module


class Network(nn.Module):
    """The torch module of a detector.

    Images (B, 3, S, S) in 0..1 give `Predictions` in training, otherwise decoded boxes and class probabilities
    (B, 4 + nc, A) for A anchor points. State-dict keys are ``model.{row}...``.

    Args:
        detector: The rows to build.
        seed: Draws the weights of each row from (seed, row number) and leaves torch's random state as it is. So equal
            rows of two detectors start equal, and a comparison of the two does not depend on the other rows. None
            draws from torch's random state.

    Raises:
        ModelError: With the row that cannot be built.

    Attributes:
        strides: Pixels of a cell of each map that the head reads, in its order.
    """

    def __init__(self, detector: Detector, seed: int | None = None):
        super().__init__()
        rows = list(detector.resolve(PROBE))
        self.strides = detector.strides
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
        maps = [last if s == -1 else saved[s] for s in source]  # a module that reads several takes a single one, too
        return maps[0] if len(maps) == 1 else maps
