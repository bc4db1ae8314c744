"""Running statistics of a network whose parameters were changed."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nas.data.dataset import Split
from nas.data.spacing import evenly_spaced
from nas.detectors.network import Network


@torch.no_grad()
def recalibrate(network: Network, images: Iterable[Tensor]) -> None:
    """Compute the running statistics of all norms anew, as means over batches; leaves the network in eval mode.

    A member's norms see other inputs than the teacher's, so the teacher's statistics are wrong for it (Yu and Huang,
    "Universally Slimmable Networks", ICCV 2019, section 3.3).

    Args:
        network: The network; it is changed.
        images: Batches (B, 3, S, S) in 0..1.
    """
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
    network.train()
    for batch in images:
        network(batch)
    network.eval()
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum


def image_batches(split: Split, count: int = 192, batch: int = 32, device: str = "cpu") -> list[Tensor]:
    """Evenly spaced images of a split.

    Args:
        split: The split.
        count: Largest number of images.
        batch: Images of a batch.
        device: Torch device of the batches.

    Returns:
        Batches (B, 3, S, S) in 0..1.
    """
    return _batches(split, torch.tensor(evenly_spaced(len(split), count)), batch, device)


def random_batches(split: Split, count: int, seed: int, device: str = "cpu") -> list[Tensor]:
    """Random images of a split, as `image_batches`.

    Args:
        split: The split.
        count: Largest number of images.
        seed: Seed of the choice.
        device: Torch device of the batches.
    """
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    return _batches(split, order[:count], 32, device)


def _batches(split: Split, chosen: Tensor, batch: int, device: str) -> list[Tensor]:
    parts = chosen.split(batch)
    return [split.images[part].to(device, memory_format=torch.channels_last).float().div_(255) for part in parts]
