"""Rows of a member that are no restriction of the teacher's: trained to reproduce the row that they replace."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.errors import TransferError
from nas.files import replacing
from nas.proxies.recipe import Recipe
from nas.proxies.train import ScheduledOptimizer
from nas.supernet.supernet import Supernet
from nas.tensor_files import load_tensors
from nas.transfer.channels import NONE, Channels

RECIPE = Recipe(batch=16, steps=80, lr=3e-3)
"""Constants of the training of a row."""
IMAGES = 64
"""Images whose feature maps are reproduced."""
EPSILON = 1e-6


class Branches:
    """Trains rows that have no weights of the teacher's, and stores them.

    A row learns from the feature maps of the largest member: from the channels that it reads there to the channels that
    it gives (Moons et al., "Distilling Optimal Neural Networks", ICCV 2021, section 3.2).
    So its weights do not depend on the rest of the member, and members with equal rows share them.

    Args:
        supernet: The trained supernet.
        images: Batches (B, 3, S, S) in 0..1; the first `IMAGES` images are used.
        folder: Folder of the stored rows.
        mark: Tells supernets and data apart in that folder.
    """

    def __init__(self, supernet: Supernet, images: Sequence[Tensor], folder: Path, mark: str):
        self._supernet, self._folder, self._mark = supernet, folder, mark
        self._images = torch.cat(tuple(images))[:IMAGES]

    def fill(self, network: Network, detector: Detector) -> None:
        """Give the fresh rows of a member weights. Rows that read several maps keep their first values.

        Args:
            network: The member's network; it is changed.
            detector: Its rows.
        """
        rows = [row for row in sorted(self._supernet.fresh_rows(detector)) if len(network.sources[row]) == 1]
        files = {row: self._file(detector, row) for row in rows}
        missing = [row for row, file in files.items() if not _load(network.model[row], file)]
        if missing:
            maps = self._maps({index for row in missing for index in (row, _source(network, row))})
            restriction = self._supernet.restriction(detector)
            for row in missing:
                read, wanted = restriction.reads[row][0], restriction.outputs[row]
                pair = _Pair(_taken(maps[_source(network, row)], read), _taken(maps[row], wanted))
                _reproduce(network.model[row], pair)
                self._folder.mkdir(parents=True, exist_ok=True)
                with replacing(files[row]) as unfinished:
                    torch.save(network.model[row].state_dict(), unfinished)

    def _file(self, detector: Detector, index: int) -> Path:
        restriction, row = self._supernet.restriction(detector), detector.rows[index]
        channels = [part.theirs.tolist() for part in (*restriction.reads[index], restriction.outputs[index])]
        text = repr((self._mark, index, row.module, row.args, row.repeats, channels))
        return self._folder / f"row-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pt"

    @torch.no_grad()
    def _maps(self, rows: set[int]) -> dict[int, Tensor]:
        """Outputs of some rows of the largest member; row -1 is the image."""
        network = self._supernet.largest()
        found: dict[int, list[Tensor]] = {row: [] for row in rows}

        def note(row: int) -> object:
            def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
                found[row].append(output)

            return hook

        hooks = [network.model[row].register_forward_hook(note(row)) for row in rows if row >= 0]  # type: ignore[arg-type]
        for batch in self._images.split(RECIPE.batch):
            network(batch)
        for hook in hooks:
            hook.remove()
        return {row: torch.cat(maps) if row >= 0 else self._images for row, maps in found.items()}


class _Pair(NamedTuple):
    """Feature maps (N, C, H, W) that a row reads and that it should give."""

    read: Tensor
    wanted: Tensor


def _source(network: Network, row: int) -> int:
    (source,) = network.sources[row]
    return row + source if source < 0 else source


def _taken(maps: Tensor, channels: Channels) -> Tensor:
    """The member's channels of the teacher's maps; 0 where the teacher has none."""
    index = channels.theirs.to(maps.device)
    return maps[:, index.clamp(min=0)] * (index != NONE).to(maps.dtype)[:, None, None]


def _reproduce(module: nn.Module, pair: _Pair) -> None:
    """Train a row's module in place. The loss is the squared error as a share of each channel's variance."""
    variance = pair.wanted.var((0, 2, 3), keepdim=True) + EPSILON
    module.train()
    optimizer, generator = ScheduledOptimizer(module, RECIPE), torch.Generator().manual_seed(0)
    for _ in range(RECIPE.steps):
        chosen = torch.randint(len(pair.read), (RECIPE.batch,), generator=generator)
        error = F.mse_loss(module(pair.read[chosen]), pair.wanted[chosen], reduction="none") / variance
        optimizer.step(error.mean())


def _load(module: nn.Module, file: Path) -> bool:
    """Load a stored row; returns False if there is none, or it is damaged."""
    try:
        module.load_state_dict(load_tensors(file))
    except (TransferError, RuntimeError):
        return False
    return True
