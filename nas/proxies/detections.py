"""Detections of a network in a split: their AP50-95, and a few of them for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from nas.data.dataset import Split
from nas.data.spacing import evenly_spaced
from nas.detectors.network import Network
from nas.proxies.ap import average_precision
from nas.proxies.nms import nms
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe

BATCH = 64
GROUPS = 10
"""Groups of images that `Detections.jackknife` leaves out, one after the other."""
DISPLAYED_IMAGES = 4
"""Number of validation images whose detections people can look at."""
DISPLAYED_BOXES = 8
"""Largest number of boxes displayed in one image; the most confident ones."""


@dataclass(frozen=True)
class Detections:
    """Detections in some images of a split.

    Attributes:
        split: The split.
        images: Numbers of the images in the split.
        boxes: By image, (n, 6): x1, y1, x2, y2 in pixels, score, class. The most confident box comes first.
    """

    split: Split
    images: list[int]
    boxes: list[Tensor]

    def score(self, nc: int) -> float:
        """AP50-95, from 0 to 1.

        Raises:
            ProxyError: None of the images contains a box.
        """
        truths = [self.split.boxes[image] for image in self.images]
        if not any(map(len, truths)):
            raise ProxyError("there is no box in the validation images that are scored")
        return average_precision(self.boxes, truths, nc)

    def jackknife(self, nc: int) -> tuple[float, ...]:
        """AP50-95 without one of `GROUPS` groups of images each, for the standard error of AP and of its differences.

        Image by image, the groups take turns, so those of two models with the same images are the same.

        Returns:
            An AP for each group; empty where a group holds all boxes.
        """
        truths = [self.split.boxes[image] for image in self.images]
        found = []
        for group in range(GROUPS):
            rest = [number for number in range(len(truths)) if number % GROUPS != group]
            if not any(len(truths[number]) for number in rest):
                return ()
            found.append(average_precision([self.boxes[n] for n in rest], [truths[n] for n in rest], nc))
        return tuple(found)

    def displayed(self) -> tuple[dict[str, float], ...]:
        """Rows of `nas.proxies.outcome.Outcome.detections`."""
        by_image = dict(zip(self.images, self.boxes, strict=True))
        columns = ("x1", "y1", "x2", "y2", "score", "class")
        return tuple(
            {"image": image, **{name: round(v, 4) for name, v in zip(columns, row.tolist(), strict=True)}}
            for image in displayed_images(len(self.split), len(self.images))
            for row in by_image[image][:DISPLAYED_BOXES]
        )


def displayed_images(count: int, scored: int) -> list[int]:
    """Numbers of the images that people can look at: `DISPLAYED_IMAGES` of the scored ones, evenly spaced.

    Args:
        count: Number of images in the split.
        scored: Number of images that are scored, such as ``recipe.val_images``.
    """
    chosen = evenly_spaced(count, scored)
    return [chosen[index] for index in evenly_spaced(len(chosen), DISPLAYED_IMAGES)]


@torch.inference_mode()
def detect(network: Network, split: Split, recipe: Recipe, *, device: str = "cpu") -> Detections:
    """Detect objects in at most ``recipe.val_images`` images of a split, evenly spaced.

    Leaves the network in eval mode.

    Raises:
        ProxyError: The network's output is not finite.
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
