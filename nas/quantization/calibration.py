"""Images that calibrate the ranges of activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from nas.data.dataset import Split
from nas.data.spacing import evenly_spaced
from nas.quantization.base import Array

COUNT = 64
"""Number of images that calibrate a detector."""


class CalibrationImages(Sequence[Array]):
    """Evenly spaced images of a split as inputs (1, 3, S, S) in 0..1, each made when it is read.

    Args:
        split: The training split. Validation images would flatter the accuracy that is measured with them.
        count: Largest number of images.
    """

    def __init__(self, split: Split, count: int = COUNT):
        self._split, self._chosen = split, evenly_spaced(len(split), count)

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> list[Array]: ...
    def __getitem__(self, index: int | slice) -> Array | list[Array]:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        return image_array(self._split, self._chosen[index])


def image_array(split: Split, index: int) -> Array:
    """One image of a split as an input (1, 3, S, S) in 0..1."""
    return np.asarray(split.images[index : index + 1].numpy(), np.float32) / np.float32(255)


def random_images(imgsz: int, count: int = 4) -> list[Array]:
    """Images of noise, for files whose latency alone counts: it does not depend on the ranges.

    Args:
        imgsz: Side of the images in pixels.
        count: Number of images.
    """
    random = np.random.default_rng(0)
    return [random.random((1, 3, imgsz, imgsz), dtype=np.float32) for _ in range(count)]
