"""Data sets in the format of Ultralytics: a data.yaml, folders of images, label files beside them.

The rules are those of the trainers (`nas.data.data_yaml`, `nas.data.labels`, `nas.data.image_reading`), so a set that
trains there is read here. Images that they drop with a warning are left out and reported; data that stops a training is
refused. `read_test` alone reads the test split. Of a larger set than asked for, a subset is used (`nas.data.subset`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray

from nas.data.data_yaml import DataYaml
from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.image_files import ImageFile
from nas.data.image_reading import read_image
from nas.data.labels import read_labels
from nas.data.skipped import SkippedImage, SkippedImageError
from nas.data.subset import choose_images
from nas.errors import DataError
from nas.plurals import counted

KINDS = {"train": "training", "val": "validation", "test": "test"}
_FEW = 10
"""A class with fewer training boxes is named where a subset is used."""
Labels = NDArray[np.float64]


def read_yolo(data: DataYaml, imgsz: int, *, content: int | None = None, max_train: int, max_val: int) -> Dataset:
    """Read the training and validation splits of a data.yaml, as `nas.data.loading.load`."""
    nc = len(data.classes)
    _check_channels(data)
    found = {"train": data.images("train"), "val": data.images("val")}
    train, used = _read_split(data, "train", found["train"], max_train, imgsz, content)
    val, scored = _read_split(data, "val", found["val"], max_val, imgsz, content)
    note = _note(data, found, {"train": used, "val": scored}, (train, val))
    return Dataset(str(data.file), data.classes, train, val, fingerprint(nc, train, val), note, data)


def read_validation(data: DataYaml, imgsz: int, most: int) -> Split:
    """Read the validation split of a data.yaml, as `nas.data.loading.load_validation`."""
    return _read_split(data, "val", data.images("val"), most, imgsz, None)[0]


def read_test(data: DataYaml, imgsz: int, *, content: int | None = None, most: int) -> Split | None:
    """Read the test split of a data.yaml, as `nas.data.loading.load_test`."""
    if "test" not in data.places:
        return None
    return _read_split(data, "test", data.images("test"), most, imgsz, content)[0]


def _check_channels(data: DataYaml) -> None:
    channels = data.content.get("channels", 3)
    if str(channels) != "3":
        problem = f"is {channels}, and the models of a search take images with 3 channels"
        hint = "remove the line, also for the training; gray images are then read as RGB"
        raise DataError(problem, file=data.file, field="channels", hint=hint)


def _note(
    data: DataYaml, found: dict[str, list[ImageFile]], used: dict[str, list[ImageFile]], splits: tuple[Split, Split]
) -> str:
    """The numbers of images that are used and that there are, and what a reader of the scores must know."""
    counts = {split: f"{len(used[split])} of {len(found[split])}" for split in found}
    notes = [f"{counts['train']} training and {counts['val']} validation images"]
    skipped = [len(split.skipped) for split in splits]
    # A subset was chosen where fewer images were opened than there are.
    subset = [len(used[name]) + left < len(found[name]) for name, left in zip(used, skipped, strict=True)]
    if any(subset):
        notes[0] += ", evenly spaced over the sorted files"
    if any(skipped):
        notes.append(f"{counted(sum(skipped), 'unusable image')} left out")
    shared = len({file.image for file in used["train"]} & {file.image for file in used["val"]})
    if shared:
        notes.append(f"{shared} validation images are training images too, so scores flatter")
    if subset[0]:
        boxes = torch.bincount(torch.cat(splits[0].boxes)[:, 0].long(), minlength=len(data.classes)).tolist()
        few = [f"{name} {count}" for name, count in zip(data.classes, boxes, strict=True) if count < _FEW]
        if few:
            notes.append(f"classes with fewer than {_FEW} training boxes among them: {', '.join(few)}")
    return "; ".join(notes)


def _read_split(
    data: DataYaml, split: str, found: Sequence[ImageFile], most: int, imgsz: int, content: int | None
) -> tuple[Split, list[ImageFile]]:
    """A split and the images that are used of it."""
    nc = len(data.classes)

    @cache
    def labels(index: int) -> Labels | SkippedImageError:
        try:
            return read_labels(found[index].label, nc, data.file, data.keypoints)
        except SkippedImageError as error:
            return error

    def classes(index: int) -> set[int]:
        rows = labels(index)
        return set() if isinstance(rows, SkippedImageError) else set(rows[:, 0].astype(int).tolist())

    # Labels first: they take no time, and most mistakes are there.
    chosen = choose_images(len(found), most, nc, classes)
    read = partial(_read, imgsz=imgsz, content=content)
    # Pillow decodes outside the interpreter lock.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        results = list(pool.map(read, [found[index] for index in chosen], map(labels, chosen)))
    good = [(found[index], *result) for index, result in zip(chosen, results, strict=True) if isinstance(result, tuple)]
    skipped = tuple(
        SkippedImage(found[index].image, split, result)
        for index, result in zip(chosen, results, strict=True)
        if isinstance(result, SkippedImageError)
    )
    files = [file for file, _, _ in good]
    _check_boxes(data, split, files or found, [boxes for _, _, boxes in good], skipped)
    images = torch.stack([image for _, image, _ in good])
    return Split(images, tuple(boxes for _, _, boxes in good), skipped), files


def _read(
    file: ImageFile, labels: Labels | SkippedImageError, *, imgsz: int, content: int | None
) -> tuple[torch.Tensor, torch.Tensor] | SkippedImageError:
    """The canvas of an image and its boxes in pixels, or the reason why it is left out."""
    if isinstance(labels, SkippedImageError):
        return labels
    try:
        canvas, (left, top, width, height) = read_image(file.image, imgsz, content)
    except SkippedImageError as error:
        return error
    boxes = labels * (1, width, height, width, height) + (0, left, top, left, top)
    return torch.from_numpy(canvas), torch.from_numpy(boxes).float()


def _check_boxes(
    data: DataYaml,
    split: str,
    files: Sequence[ImageFile],
    boxes: Sequence[torch.Tensor],
    skipped: Sequence[SkippedImage],
) -> None:
    """Raise DataError for a split without a box."""
    if any(len(rows) for rows in boxes):
        return
    if skipped:
        problem = f"has no box in its {len(boxes)} usable {KINDS[split]} images; {len(skipped)} are left out"
        raise DataError(problem, file=data.file, field=split, hint=f"the first reason: {skipped[0].error}")
    problem = f"has no box in any of its {len(boxes)} {KINDS[split]} images used"
    hint = f"put label files where they are looked for, such as {files[0].label}"
    raise DataError(problem, file=data.file, field=split, hint=hint)
