"""Reading of an image as Ultralytics does: the images that it drops, those that stop it, and the pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nas.data.image_files import FORMATS
from nas.data.letterbox import letterbox
from nas.data.skipped import SkippedImageError
from nas.errors import DataError

_SMALLEST = 10
"""Least width and height in pixels."""
_REPLACE = "replace or remove it"
_FAULTS = (OSError, SyntaxError, ValueError, EOFError, ImportError, Image.DecompressionBombError)
"""Errors of decoders for broken files. ImportError: once Ultralytics is imported, of formats that need a plug-in."""
_JPEG, _JPEG_END = frozenset(("JPEG", "MPO")), b"\xff\xd9"


def read_image(
    file: Path, imgsz: int, content: int | None = None
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """Read an image and fit it into a square; see `nas.data.letterbox.letterbox`.

    Args:
        file: The image.
        imgsz: The side of the square in pixels.
        content: The side of the middle square to fit the image into, in pixels; None: ``imgsz``.

    Raises:
        SkippedImageError: Ultralytics trains without this image: the file is absent, no image, too small, or a JPEG
            that is cut off.
        DataError: A training with Ultralytics can stop at this image: it opens, but cannot be decoded.
    """
    _check(file)
    try:
        with Image.open(file) as image:
            if image.format == "TIFF" and image.mode in {"I", "F"}:
                problem = "image has 32 bits a pixel, and stops a training"
                raise DataError(problem, file=file, hint="convert it to 8 or 16 bits")
            return letterbox(image, imgsz, content)
    except _FAULTS as error:
        raise _decoding_error(file, error) from None


def _check(file: Path) -> None:
    """Raise SkippedImageError for an image that the trainers drop before they decode it."""
    try:
        with Image.open(file) as image:
            shape, kind = image.size, str(image.format)
            image.verify()
    except FileNotFoundError:
        raise SkippedImageError("no such image", file=file, hint="restore it, or take it off the list") from None
    except _FAULTS as error:
        reason = _reason(error)
        if isinstance(error, UnidentifiedImageError):
            reason = "it is empty" if file.stat().st_size == 0 else "its content is of no known format"
        raise SkippedImageError(f"image cannot be read ({reason})", file=file, hint=_REPLACE) from None
    if min(shape) < _SMALLEST:
        problem = f"image has {shape[0]} x {shape[1]} pixels; {_SMALLEST} are the least"
        raise SkippedImageError(problem, file=file, hint="remove it")
    if kind.lower() not in FORMATS and kind != "JPEG2000":
        hint = "convert it to JPEG or PNG"
        raise SkippedImageError(f"image is of the format {kind}, which is not supported", file=file, hint=hint)


def _decoding_error(file: Path, error: Exception) -> DataError:
    """The error for an image that opens and does not decode. The trainers check JPEG files for their end beforehand."""
    with Image.open(file) as image:
        jpeg = image.format in _JPEG
    problem = f"image cannot be read ({_reason(error)})"
    if jpeg and not _ends_with(file, _JPEG_END):
        return SkippedImageError(problem, file=file, hint=_REPLACE)
    return DataError(f"{problem}, and can stop a training", file=file, hint=_REPLACE)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _ends_with(file: Path, ending: bytes) -> bool:
    with file.open("rb") as opened:
        opened.seek(-len(ending), os.SEEK_END)
        return opened.read() == ending
