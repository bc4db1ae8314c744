"""Label files: one line for each box or polygon, with the rules of Ultralytics.

A line is `class x y width height`, center and size as parts of the image, or `class x1 y1 x2 y2 x3 y3 ...`, a polygon,
whose bounding box is taken. A file has lines of one kind. A pose set adds keypoints after a box; they are passed over.
A line that occurs twice counts once. A box without area inside the image never counts in training and is left out.
An image without a label file, or with an empty one, shows no object.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.skipped import SkippedImageError

_LEAST, _MOST = np.float32(-0.01), np.float32(1.01)
"""A coordinate may lie this much outside 0..1, through rounding; the box is clipped. Float32, as in the trainers."""
_SIDES = ("x", "y", "width", "height")


def read_labels(file: Path, nc: int, data_yaml: Path, keypoints: int = 0) -> NDArray[np.float64]:
    """Read a label file.

    Args:
        file: The label file; it need not exist.
        nc: The number of classes.
        data_yaml: The data.yaml, for messages.
        keypoints: Columns of a row that is a box with keypoints; 0: no row is.

    Returns:
        float64 (n, 5): class, x1, y1, x2, y2 as parts of the image.

    Raises:
        SkippedImageError: With the first line that is wrong.
    """
    if not file.is_file():
        return np.empty((0, 5))
    lines = _lines(file)
    if keypoints:
        lines = {number: words[:5] if len(words) == keypoints else words for number, words in lines.items()}
    polygons = any(len(words) > 6 for words in lines.values())
    rows: dict[tuple[float, ...], tuple[float, ...]] = {}
    for number, words in lines.items():
        try:
            values = _numbers(words, polygons)
            box = _corners(values, nc, data_yaml)
        except SkippedImageError as error:
            error.file, error.field = file, f"line {number}"
            raise
        rows.setdefault(tuple(values.astype(np.float32).tolist()), box)
    return np.array([box for box in rows.values() if box[1] < box[3] and box[2] < box[4]]).reshape(-1, 5)


def _lines(file: Path) -> dict[int, list[str]]:
    """The words of each line that is not empty, by number."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "make it a readable text file"
        raise SkippedImageError(f"cannot be read ({error.strerror})", file=file, hint=hint) from None
    except UnicodeDecodeError:
        raise SkippedImageError("is not UTF-8 text", file=file, hint="save it as UTF-8") from None
    return {number: words for number, line in enumerate(text.splitlines(), 1) if (words := line.split())}


def _numbers(words: Sequence[str], polygons: bool) -> NDArray[np.float64]:
    """The numbers of a line: class, then a box, or the points of a polygon."""
    if polygons and len(words) == 5:
        hint = "write all lines of the file as boxes, or all as polygons"
        raise SkippedImageError("is a box in a file with polygons", hint=hint)
    if len(words) < 3 or len(words) % 2 == 0 if polygons else len(words) != 5:
        hint = "write 5 for a box (class x y width height), or a class and 3 or more points"
        columns = "1 column" if len(words) == 1 else f"{len(words)} columns"
        raise SkippedImageError(columns, hint=hint)
    numbers = np.empty(len(words))
    for index, word in enumerate(words):
        try:
            numbers[index] = float(word)
        except ValueError:
            name = _column(index, len(words))
            hint = "correct it or remove the line"
            raise SkippedImageError(f"{name} '{word}' is not a number", hint=hint) from None
    return numbers


def _corners(values: NDArray[np.float64], nc: int, data_yaml: Path) -> tuple[float, ...]:
    """Class, x1, y1, x2, y2 of a line, clipped to the image."""
    kind = float(np.float32(values[0]))
    if not (0 <= kind < nc and kind.is_integer()):
        hint = f"correct it, or 'names' in {data_yaml}"
        raise SkippedImageError(f"class {values[0]:g} is not one of 0..{nc - 1}", hint=hint)
    if len(values) == 5:
        x, y, width, height = values[1:].tolist()
        sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        _check_sides(np.array((x, y, width, height), dtype=np.float32))
    else:
        points = values[1:].reshape(-1, 2)
        (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        sides = (x1, y1, x2, y2)
        single = np.array(sides, dtype=np.float32)
        _check_sides(np.concatenate(((single[:2] + single[2:]) / np.float32(2), single[2:] - single[:2])))
    return kind, *(min(max(side, 0.0), 1.0) for side in sides)


def _check_sides(box: NDArray[np.float32]) -> None:
    """Refuse a box that the trainers refuse: x, y, width and height in float32. Of a polygon, its box counts."""
    hint = "divide pixels by the image's width or height"
    for name, value in zip(_SIDES, box, strict=True):
        if value < 0 and name in {"width", "height"}:
            raise SkippedImageError(f"{name} {value:g} is below 0", hint="correct the box or remove the line")
        if not _LEAST <= value <= _MOST:  # true of nan
            raise SkippedImageError(f"{name} {value:g} is outside 0..1", hint=hint)


def _column(index: int, columns: int) -> str:
    if index == 0:
        return "class"
    return _SIDES[index - 1] if columns == 5 else "xy"[(index - 1) % 2]
