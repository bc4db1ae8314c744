"""Loading a data set: the built-in `shapes` set, or an Ultralytics-format data.yaml."""

from __future__ import annotations

from pathlib import Path

from nas.data.dataset import Dataset, Split
from nas.data.shapes import CLASSES, draw_shapes, draw_test
from nas.data.yolo import read_classes, read_test, read_yolo
from nas.errors import InputError


def load(
    data: str | Path, imgsz: int, *, content: int | None = None, max_train: int = 1024, max_val: int = 256
) -> Dataset:
    """Load a data set as imgsz x imgsz images, each fitted into the middle ``content`` x ``content`` pixels, all unless
    said otherwise.

    `data` is "shapes" for the built-in set, anything else the path of a data.yaml. At most `max_train` training and
    `max_val` validation images are kept, chosen without chance; `Dataset.note` says when that left some out.
    Raises `InputError` with one line that names the file, the field and the mend.
    """
    for option, value, least in (("imgsz", imgsz, 32), ("max_train", max_train, 1), ("max_val", max_val, 1)):
        if value < least:
            raise InputError(f"{option}: {value} is too small; give {least} or more")
    if data == "shapes":
        return draw_shapes(imgsz, content=content, max_train=max_train, max_val=max_val)
    return read_yolo(Path(data), imgsz, content=content, max_train=max_train, max_val=max_val)


def load_test(data: str | Path, imgsz: int, *, content: int | None = None, most: int = 1024) -> Split | None:
    """The test split of what `load` takes, at most so many images of it; None where the data has none.

    For figures that nothing was chosen by: whoever chooses by it has no test split any more.
    """
    if data == "shapes":
        return draw_test(imgsz, content=content, most=most)
    return read_test(Path(data), imgsz, content=content, most=most)


def class_names(data: str | Path) -> tuple[str, ...]:
    """The classes of what `load` takes, without its images; raises InputError as it does."""
    return CLASSES if data == "shapes" else read_classes(Path(data))
