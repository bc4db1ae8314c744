"""Images that a split leaves out because Ultralytics does not train on them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nas.errors import DataError
from nas.files import write

FILE = "skipped-images.csv"
"""Name of the list in a run directory."""
_SHOWN = 3


class SkippedImageError(DataError):
    """An image or its label file is unusable. Ultralytics trains without the image and warns."""


class SkippedImage(NamedTuple):
    """An image that was left out.

    Attributes:
        image: Its path.
        split: ``train``, ``val`` or ``test``.
        error: The reason: the file, the line, the fault and the remedy.
    """

    image: Path
    split: str
    error: SkippedImageError


def skipped_notice(skipped: Sequence[SkippedImage], folder: Path) -> str:
    """A message for people: the number of images that are left out and the first reasons.

    Args:
        skipped: The images, at least one.
        folder: The run directory, which has the list of all.
    """
    many = "1 image is" if len(skipped) == 1 else f"{len(skipped)} images are"
    first = "\n".join(f"  {one.error}" for one in skipped[:_SHOWN])
    more = f"\n  ... {len(skipped) - _SHOWN} more" if len(skipped) > _SHOWN else ""
    return f"{many} left out, as in Ultralytics; all reasons are in {folder / FILE}\n{first}{more}"


def write_skipped(skipped: Sequence[SkippedImage], folder: Path) -> None:
    """Write the list of images that are left out: split, image and reason.

    Args:
        skipped: The images; without any, no file is written.
        folder: The run directory.
    """
    if skipped:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("split", "image", "reason"))
        table.writerows((one.split, one.image, one.error) for one in skipped)
        write(folder / FILE, text.getvalue())
