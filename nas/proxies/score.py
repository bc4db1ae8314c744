"""AP50-95 of a network on a split."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from nas.data import Split
from nas.detectors import Network
from nas.proxies._base import ProxyError
from nas.proxies.ap import average_precision
from nas.proxies.nms import nms
from nas.proxies.recipe import Recipe

BATCH = 64


@torch.inference_mode()
def evaluate(network: Network, split: Split, nc: int, recipe: Recipe, *, device: str = "cpu") -> float:
    """AP50-95 (0..1) on at most ``recipe.val_images`` images of ``split``, evenly spaced; leaves eval mode on.

    Raises:
        ProxyError: the network's output is not finite, or none of those images has a box.
    """
    network.eval()
    count = min(recipe.val_images, len(split.images))
    chosen = torch.arange(count) * len(split.images) // count
    detections = []
    for part in chosen.split(BATCH):
        images = split.images[part].to(device, memory_format=torch.channels_last).float().div_(255)
        output = cast(Tensor, network(images))
        if not torch.isfinite(output).all():
            raise ProxyError("the trained network's output is not finite")
        detections += nms(output, threshold=recipe.threshold, overlap=recipe.overlap)
    truths = [split.boxes[image] for image in chosen.tolist()]
    if not any(map(len, truths)):
        raise ProxyError("there is no box in the validation images that are scored")
    return average_precision(detections, truths, nc)
