"""What a network detects in a split, and its AP50-95."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from nas.data.dataset import Split
from nas.data.spacing import evenly_spaced
from nas.detectors.network import Network
from nas.proxies.ap import average_precision
from nas.proxies.base import ProxyError
from nas.proxies.nms import nms
from nas.proxies.recipe import Recipe

BATCH = 64
VIEWED = 4
SEEN = 8
"""Boxes of an image that are kept for people to look at, the surest first."""


@dataclass(frozen=True)
class Detections:
    """By image of ``split`` in ``images``, (n, 6) x1, y1, x2, y2, score, class in pixels, best first."""

    split: Split
    images: list[int]
    boxes: list[Tensor]

    def score(self, nc: int) -> float:
        """AP50-95 (0..1). Raises `ProxyError` where none of the images has a box."""
        truths = [self.split.boxes[image] for image in self.images]
        if not any(map(len, truths)):
            raise ProxyError("there is no box in the validation images that are scored")
        return average_precision(self.boxes, truths, nc)

    def seen(self) -> tuple[dict[str, float], ...]:
        """`Outcome.seen`."""
        shown = viewed(len(self.split), len(self.images))
        of = dict(zip(self.images, self.boxes, strict=True))
        return tuple(
            {"image": image, **dict(zip(("x1", "y1", "x2", "y2", "score", "class"), _plain(row), strict=True))}
            for image in shown
            for row in of[image][:SEEN]
        )


def viewed(images: int, scored: int) -> list[int]:
    """Which of so many images are for people to look at: `VIEWED` of those that are ``scored``, evenly spaced."""
    chosen = evenly_spaced(images, scored)
    return [chosen[index] for index in evenly_spaced(len(chosen), VIEWED)]


@torch.inference_mode()
def detect(network: Network, split: Split, recipe: Recipe, *, device: str = "cpu") -> Detections:
    """What is detected in at most ``recipe.val_images`` images of ``split``, evenly spaced; leaves eval mode on.

    Raises:
        ProxyError: the network's output is not finite.
    """
    network.eval()
    chosen = evenly_spaced(len(split), recipe.val_images)
    boxes = []
    for part in torch.tensor(chosen).split(BATCH):
        images = split.images[part].to(device, memory_format=torch.channels_last).float().div_(255)
        output = cast(Tensor, network(images))
        if not torch.isfinite(output).all():
            raise ProxyError("the trained network's output is not finite")
        boxes += nms(output, threshold=recipe.threshold, overlap=recipe.overlap)
    return Detections(split, chosen, boxes)


def _plain(row: Tensor) -> list[float]:
    return [round(value, 4) for value in row.tolist()]
