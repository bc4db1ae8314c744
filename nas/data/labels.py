"""Label files: one line for each box or polygon.

The labels of `.../images/x.jpg` are in `.../labels/x.txt` (the last `images` of the path counts), or beside the image
if no folder is called `images`. An image without a label file shows no object. A line is `class x y width height`,
center and size as parts of the image, or `class x1 y1 x2 y2 x3 y3 ...`, a polygon, whose bounding box is taken. A line
that occurs twice counts once.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.data_yaml import read_text
from nas.errors import DataError

_SLACK = 0.01
"""A normalized coordinate may lie this far outside 0..1, through rounding; the box is clipped."""


def label_file(image: Path) -> Path:
    """The path of an image's label file."""
    parts = image.parts
    for i in range(len(parts) - 2, -1, -1):
        if parts[i] == "images":
            return Path(*parts[:i], "labels", *parts[i + 1 :]).with_suffix(".txt")
    return image.with_suffix(".txt")


def read_labels(file: Path, nc: int, data_yaml: Path) -> NDArray[np.float64]:
    """Read a label file.

    Args:
        file: The label file; it need not exist.
        nc: The number of classes.
        data_yaml: The data.yaml, for messages.

    Returns:
        float64 (n, 5): class, x1, y1, x2, y2 as parts of the image.

    Raises:
        DataError: With the line that is wrong.
    """
    if not file.exists():
        return np.empty((0, 5))
    rows: dict[tuple[float, ...], None] = {}
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        if line.strip():
            try:
                rows[_parse(line.split(), nc, data_yaml)] = None
            except DataError as error:
                error.file, error.field = file, f"line {number}"
                raise
    return np.array(list(rows), dtype=np.float64).reshape(-1, 5)


def _parse(words: list[str], nc: int, data_yaml: Path) -> tuple[float, ...]:
    """Class, x1, y1, x2, y2 of a line."""
    polygon = len(words) >= 7 and len(words) % 2 == 1
    if len(words) != 5 and not polygon:
        hint = "write 5 for a box (class x y width height), or a class and 3 or more points"
        raise DataError(f"{len(words)} columns", hint=hint)
    kind = _number(words[0], "class")
    if kind != int(kind) or not 0 <= kind < nc:
        hint = f"correct it, or 'names' in {data_yaml}"
        raise DataError(f"class {words[0]} is not one of 0..{nc - 1}", hint=hint)
    names = ("x", "y") * (len(words) // 2) if polygon else ("x", "y", "width", "height")
    values = [_number(word, name) for word, name in zip(words[1:], names, strict=True)]
    for value, word, name in zip(values, words[1:], names, strict=True):
        if not polygon and name in ("width", "height") and value <= 0:
            raise DataError(f"{name} {word} is not above 0", hint="correct the box or remove the line")
        if not -_SLACK <= value <= 1 + _SLACK:
            raise DataError(f"{name} {word} is outside 0..1", hint="divide pixels by the image's width or height")
    if polygon:
        xs, ys = values[0::2], values[1::2]
        sides = (min(xs), min(ys), max(xs), max(ys))
    else:
        x, y, width, height = values
        sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    x1, y1, x2, y2 = (min(max(side, 0.0), 1.0) for side in sides)
    if x1 >= x2 or y1 >= y2:
        empty = "width" if x1 >= x2 else "height"
        raise DataError(f"{empty} inside the image is 0", hint="correct the box or remove the line")
    return kind, x1, y1, x2, y2


def _number(word: str, name: str) -> float:
    hint = "correct it or remove the line"
    try:
        value = float(word)
    except ValueError:
        raise DataError(f"{name} '{word}' is not a number", hint=hint) from None
    if not math.isfinite(value):
        raise DataError(f"{name} {word} is not a finite number", hint=hint)
    return value
