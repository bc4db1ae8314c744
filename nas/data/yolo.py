"""Data sets in the format of Ultralytics: a data.yaml, folders of images, label files beside them.

The rules are those of the trainers (`nas.data.data_yaml`, `nas.data.labels`), so a set that trains there is read here.
One thing differs: trainers drop a broken label with a warning, and here it is an error, since scores on different data
do not compare. `read_test` alone reads the test split. Of a larger set than asked for, files evenly spaced over the
sorted list are used, and only these are opened.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nas.data.data_yaml import DataYaml, read_data_yaml
from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.labels import label_file, read_labels
from nas.data.letterbox import letterbox
from nas.data.spacing import evenly_spaced
from nas.errors import DataError

KINDS = {"train": "training", "val": "validation", "test": "test"}


def read_yolo(file: Path, imgsz: int, *, content: int | None = None, max_train: int, max_val: int) -> Dataset:
    """Read the training and validation splits of a data.yaml, as `nas.data.loading.load`."""
    data = read_data_yaml(file)
    found = {"train": data.images("train"), "val": data.images("val")}
    used = {"train": _at_most(max_train, found["train"]), "val": _at_most(max_val, found["val"])}
    splits = {split: _read_split(data, split, images, imgsz, content) for split, images in used.items()}
    train, val = splits["train"], splits["val"]
    nc = len(data.classes)
    return Dataset(str(file), data.classes, train, val, fingerprint(nc, train, val), _note(found, used))


def read_test(file: Path, imgsz: int, *, content: int | None = None, most: int) -> Split | None:
    """Read the test split of a data.yaml, as `nas.data.loading.load_test`."""
    data = read_data_yaml(file)
    if data.content.get("test") in (None, "", []):
        return None
    return _read_split(data, "test", _at_most(most, data.images("test")), imgsz, content)


def _at_most(most: int, images: list[Path]) -> list[Path]:
    return [images[index] for index in evenly_spaced(len(images), most)]


def _note(found: dict[str, list[Path]], used: dict[str, list[Path]]) -> str:
    counts = {split: f"{len(used[split])} of {len(found[split])}" for split in found}
    note = f"{counts['train']} training and {counts['val']} validation images"
    if used != found:
        note += ", evenly spaced over the sorted files"
    shared = len(set(used["train"]) & set(used["val"]))
    if shared:
        note += f"; {shared} validation images are training images too, so scores flatter"
    return note


def _read_split(data: DataYaml, split: str, images: Sequence[Path], imgsz: int, content: int | None) -> Split:
    labels = [label_file(image) for image in images]
    # Labels first: they take no time, and most mistakes are there.
    boxes = [read_labels(label, len(data.classes), data.file) for label in labels]
    if not any(len(rows) for rows in boxes):
        problem = f"has no box in any of its {len(images)} {KINDS[split]} images used"
        hint = f"put label files where they are looked for, such as {labels[0]}"
        raise DataError(problem, file=data.file, field=split, hint=hint)
    canvases = torch.empty((len(images), 3, imgsz, imgsz), dtype=torch.uint8)

    def place(i: int) -> torch.Tensor:
        canvas, (left, top, width, height) = _decode(images[i], imgsz, content)
        canvases[i] = torch.from_numpy(canvas)
        return torch.from_numpy(boxes[i] * (1, width, height, width, height) + (0, left, top, left, top)).float()

    # Pillow decodes outside the interpreter lock.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return Split(canvases, tuple(pool.map(place, range(len(images)))))


def _decode(file: Path, imgsz: int, content: int | None) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    try:
        with Image.open(file) as image:
            return letterbox(image, imgsz, content)
    except FileNotFoundError:
        hint = "restore it, or take it off the list"
        raise DataError("image is listed but does not exist", file=file, hint=hint) from None
    # Decoders raise any of these for broken files.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "it is empty" if file.stat().st_size == 0 else "its content is of no known format"
        raise DataError(f"image cannot be read ({reason})", file=file, hint="replace or remove it") from None
