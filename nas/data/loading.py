"""Loading a data set: the built-in `shapes` set, or a data.yaml in the format of Ultralytics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.data.data_yaml import DataYaml, read_data_yaml
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.data.dataset import Dataset, Split


def load(
    data: str | Path | DataYaml, imgsz: int, *, content: int | None = None, max_train: int = 1024, max_val: int = 256
) -> Dataset:
    """Load a training and a validation split into memory.

    The selection of images is deterministic. `Dataset.note` says if it is a subset, and `Dataset.skipped` lists images
    that cannot be used.

    Args:
        data: "shapes" for the built-in set, otherwise the path of a data.yaml, or `Dataset.source`.
        imgsz: The side of the images in pixels.
        content: The side of the middle square that each image is fitted into, in pixels; None: ``imgsz``.
        max_train: The largest number of training images.
        max_val: The largest number of validation images.

    Raises:
        DataError: With the file and field that is wrong.
        ConfigError: If a number is too small.
    """
    for option, value, least in (("imgsz", imgsz, 32), ("max_train", max_train, 1), ("max_val", max_val, 1)):
        if value < least:
            raise ConfigError("is too small", field=option, value=value, hint=f"give {least} or more")
    if data == "shapes":
        from nas.data.shapes import draw_shapes

        return draw_shapes(imgsz, content=content, max_train=max_train, max_val=max_val)
    from nas.data.yolo import read_yolo

    return read_yolo(_read(data), imgsz, content=content, max_train=max_train, max_val=max_val)


def load_validation(data: str | Path | DataYaml, imgsz: int, *, most: int = 256) -> Split:
    """Load the validation split: the images that `load` takes.

    Args:
        data: "shapes" for the built-in set, otherwise the path of a data.yaml, or `Dataset.source`.
        imgsz: The side of the images in pixels.
        most: The largest number of images, ``max_val`` of `load`.

    Raises:
        DataError: With the file and field that is wrong.
    """
    if data == "shapes":
        from nas.data.shapes import draw_shapes

        return draw_shapes(imgsz, max_train=0, max_val=most).val
    from nas.data.yolo import read_validation

    return read_validation(_read(data), imgsz, most)


def load_test(data: str | Path | DataYaml, imgsz: int, *, content: int | None = None, most: int = 1024) -> Split | None:
    """Load the test split. Use it for final figures only: a split that chooses a model is no test split any more.

    Args:
        data: "shapes" for the built-in set, otherwise the path of a data.yaml, or `Dataset.source`.
        imgsz: The side of the images in pixels.
        content: The side of the middle square that each image is fitted into, in pixels; None: ``imgsz``.
        most: The largest number of images.

    Returns:
        The split; None if the data has no test split.

    Raises:
        DataError: With the file and field that is wrong.
    """
    if data == "shapes":
        from nas.data.shapes import draw_test

        return draw_test(imgsz, content=content, most=most)
    from nas.data.yolo import read_test

    return read_test(_read(data), imgsz, content=content, most=most)


def class_names(data: str | Path) -> tuple[str, ...]:
    """The class names of a data set; its images are not read.

    Args:
        data: "shapes" for the built-in set, otherwise the path of a data.yaml.

    Raises:
        DataError: With the file and field that is wrong.
    """
    if data == "shapes":
        from nas.data.forms import CLASSES

        return CLASSES
    return read_data_yaml(data).classes


def _read(data: str | Path | DataYaml) -> DataYaml:
    return data if isinstance(data, DataYaml) else read_data_yaml(data)
