"""What every source of data becomes: two splits of letterboxed images and their boxes, and a fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Split:
    """N images and their boxes.

    images: uint8 (N, 3, S, S), RGB, letterboxed to S x S pixels (aspect kept, centred, grey 114 around).
    boxes:  per image float32 (n, 5): class, x1, y1, x2, y2 in pixels of the S x S canvas; n may be 0.
    """

    images: torch.Tensor
    boxes: tuple[torch.Tensor, ...]

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Dataset:
    """A training and a validation split with the same classes. A test split is `nas.data.load_test`'s.

    name:        "shapes", or the path of the data.yaml.
    classes:     the class names; a box's class is an index into them.
    fingerprint: 16 hex digits of what decides scores: images and boxes as used, their size, the number of classes.
    note:        one phrase for people: how many images are used, of how many.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    fingerprint: str
    note: str

    @property
    def nc(self) -> int:
        """The number of classes."""
        return len(self.classes)


def fingerprint(nc: int, *splits: Split) -> str:
    """sha256[:16] of the pixels and boxes of these splits and of the number of classes."""
    digest = hashlib.sha256(f"nc={nc}".encode())
    for split in splits:
        # Shapes go in too, so that no two different splits can spell the same bytes.
        digest.update(repr((tuple(split.images.shape), [len(boxes) for boxes in split.boxes])).encode())
        for image, boxes in zip(split.images, split.boxes, strict=True):
            digest.update(image.numpy().tobytes())
            digest.update(boxes.numpy().astype("<f4").tobytes())
    return digest.hexdigest()[:16]
