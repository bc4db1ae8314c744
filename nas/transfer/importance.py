"""Importance of a trained network's channels."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nas.detectors.network import Network
from nas.operators.modules.conv import Conv


@torch.no_grad()
def channel_importance(network: Network, images: Iterable[Tensor]) -> dict[str, Tensor]:
    """The standard deviation of the output channels of every convolution and row, over images and positions.

    A channel whose value hardly changes tells its readers little; batch norm replaces its mean.

    Args:
        network: The trained network; its mode and norms stay unchanged.
        images: Batches (B, 3, S, S) in 0..1.

    Returns:
        By the name of each `Conv`, and of each row that gives one map, (C,): the mean over batches.
    """
    found: dict[str, list[Tensor]] = {}

    def note(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.ndim == 4:
                found.setdefault(name, []).append(output.float().std((0, 2, 3)))

        return hook

    rows = set(network.model)
    parts = [(name, part) for name, part in network.named_modules() if isinstance(part, Conv) or part in rows]
    hooks = [part.register_forward_hook(note(name)) for name, part in parts]
    training = network.training
    try:
        network.eval()
        for batch in images:
            network(batch)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return {name: torch.stack(values).mean(0) for name, values in found.items()}
