"""Image files of a split, found in folders and list files, each with the path of its label file.

The labels of `.../images/x.jpg` are in `.../labels/x.txt` (the last `images` of the path counts), or beside the image
if no folder is called `images`.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import NamedTuple

from nas.errors import DataError

FORMATS = frozenset(
    ("avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp"),
)
"""Formats of images that the trainers read, and the suffixes of their files."""


class ImageFile(NamedTuple):
    """An image and the file of its labels; neither need exist."""

    image: Path
    label: Path


def folder_images(folder: Path) -> list[ImageFile]:
    """The images in a folder and below it."""
    # glob follows links and skips hidden files, such as the ._x.jpg that other systems leave behind.
    everything = glob.iglob(os.path.join(glob.escape(str(folder.resolve())), "**", "*"), recursive=True)
    return [ImageFile(Path(name), label_file(name)) for name in everything if _is_image(name)]


def listed_images(file: Path, folder: Path) -> list[ImageFile]:
    """The images of a list file, one path a line. Lines that name no image file are passed over, as in the trainers.

    Args:
        file: The list file. A line that begins with ./ is relative to its folder.
        folder: The working directory. Other lines are relative to it.

    Raises:
        DataError: If the file cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", file=file, hint="make it a readable text file") from None
    except UnicodeDecodeError:
        hint = "save it as UTF-8; it lists one path of an image a line"
        raise DataError("is not UTF-8 text", file=file, hint=hint) from None
    parent = f"{file.resolve().parent}{os.sep}"
    lines = text.strip().splitlines()
    names = (parent + line[2:] if line.startswith("./") else line for line in lines if _is_image(line))
    # The label follows from the line as it is written: the trainers do not see the folder that it is relative to.
    return [ImageFile(Path(os.path.normpath(folder / name)), folder / label_file(name)) for name in names]


def label_file(image: str) -> Path:
    """The path of an image's label file.

    Example:
        >>> str(label_file("/set/images/train/x.jpg"))
        '/set/labels/train/x.txt'
    """
    before, found, after = image.rpartition(f"{os.sep}images{os.sep}")
    name = f"{before}{os.sep}labels{os.sep}{after}" if found else image
    return Path(f"{name.rpartition('.')[0]}.txt")


def _is_image(name: str) -> bool:
    return name.rpartition(".")[2].lower() in FORMATS
