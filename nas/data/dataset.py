"""Data sets in memory: two splits of letterboxed images and their boxes, and a fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

from nas.data.data_yaml import DataYaml
from nas.data.skipped import SkippedImage


@dataclass(frozen=True)
class Split:
    """N images and their boxes.

    Attributes:
        images: uint8 (N, 3, S, S), RGB, letterboxed to S x S pixels: aspect kept, centered, gray 114 around.
        boxes: For each image float32 (n, 5): class, x1, y1, x2, y2 in pixels of the S x S canvas; n may be 0.
        skipped: Images that are left out, as Ultralytics leaves them out.
    """

    images: torch.Tensor
    boxes: tuple[torch.Tensor, ...]
    skipped: tuple[SkippedImage, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Dataset:
    """A training and a validation split with the same classes. `nas.data.loading.load_test` loads the test split.

    Attributes:
        name: "shapes", or the path of the data.yaml.
        classes: The class names; the class of a box is an index into them.
        train: The training split.
        val: The validation split.
        fingerprint: 16 hex digits, a hash of the data that decides scores: images and boxes as used, their size, the
            number of classes.
        note: A phrase for people: the number of images that are used and that there are.
        source: The data.yaml with all paths resolved; None for the built-in set.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    fingerprint: str
    note: str
    source: DataYaml | None = None

    @property
    def origin(self) -> str | DataYaml:
        """The argument of `nas.data.loading.load` that reads the same images, from any working directory."""
        return self.source or self.name

    @property
    def skipped(self) -> tuple[SkippedImage, ...]:
        """Images of both splits that are left out."""
        return self.train.skipped + self.val.skipped

    @property
    def nc(self) -> int:
        """The number of classes."""
        return len(self.classes)


def fingerprint(nc: int, *splits: Split) -> str:
    """sha256[:16] of the pixels and boxes of some splits and of the number of classes."""
    digest = hashlib.sha256(f"nc={nc}".encode())
    for split in splits:
        # Shapes go in too, so that no two different splits give the same bytes.
        digest.update(repr((tuple(split.images.shape), [len(boxes) for boxes in split.boxes])).encode())
        for image, boxes in zip(split.images, split.boxes, strict=True):
            digest.update(image.numpy().tobytes())
            digest.update(boxes.numpy().astype("<f4").tobytes())
    return digest.hexdigest()[:16]
