"""Completion of a latency table: everything that predictions of some models need is measured, or listed as missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from nas.errors import TableError
from nas.latency.builder import TableBuilder
from nas.latency.hints import kit_hint, latency_command
from nas.latency.models import Model
from nas.latency.table import LatencyTable
from nas.plurals import counted
from nas.progress import Progress
from nas.spaces.space import DEFAULT_SPACE, Space, load_space

CLASSES = 80
"""Default number of classes."""
Bar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a title."""


class Built(NamedTuple):
    """Work of `build_table`: the number of new entries, and the time in seconds."""

    entries: int
    seconds: float


def build_table(builder: TableBuilder, spaces: Sequence[Space], sizes: Sequence[int], nc: int, bar: Bar) -> Built:
    """Measure what the table lacks for search spaces, and calibrate it. What was too noisy is measured again.

    Args:
        builder: The table's builder.
        spaces: The search spaces. The table is calibrated on members of the first.
        sizes: The image sizes in pixels.
        nc: Number of classes.
        bar: Shows progress.
    """
    start, before = time.perf_counter(), len(builder.table)
    for size in sizes:
        for space in spaces:
            with bar(f"rows of {space.name} at {size} px") as progress:
                builder.ensure(space.rows(nc, size), progress, again=True)
        with bar(f"complete models at {size} px") as progress:
            builder.calibrate(spaces[0].calibration(nc), size, progress, again=True)
    return Built(len(builder.table) - before, time.perf_counter() - start)


def complete_table(builder: TableBuilder, models: Sequence[Model], imgsz: int, bar: Bar) -> None:
    """Measure what the table lacks to predict models. Their entries that were too noisy are measured again.

    A missing calibration uses the models that ``python -m nas.latency build`` uses. The factor stays in the table, so
    it must not depend on the models that are predicted now.

    Args:
        builder: The table's builder.
        models: The models.
        imgsz: The image size in pixels.
        bar: Shows progress.
    """
    rows = [row for model in models for row in model.detector.resolve(imgsz)]
    if missing := builder.table.missing(rows):
        with bar(f"{counted(len(missing), 'entry', 'entries')} that the table lacks") as progress:
            builder.ensure(rows, progress)
    if noisy := builder.table.noisy(rows):
        with bar(f"{counted(len(noisy), 'entry', 'entries')} that were too noisy") as progress:
            builder.ensure(rows, progress, again=True)
    if not builder.table.calibrated(imgsz):
        members = load_space(DEFAULT_SPACE).calibration(CLASSES)
        with bar(f"rows of {len(members)} members of {DEFAULT_SPACE}, to calibrate at {imgsz} px") as progress:
            builder.ensure([row for member in members for row in member.resolve(imgsz)], progress)
        with bar(f"{len(members)} complete models") as progress:
            builder.calibrate(members, imgsz, progress)


def check_complete(table: LatencyTable, models: Sequence[Model], imgsz: int) -> None:
    """Check that a table predicts models; nothing is measured.

    Args:
        table: The table.
        models: The models.
        imgsz: The image size in pixels.

    Raises:
        TableError: With everything that is missing, and the command that measures it.
    """
    missing = table.missing(row for model in models for row in model.detector.resolve(imgsz))
    lacks = [] if table.calibrated(imgsz) else [f"a calibration at {imgsz} pixels"]
    if missing:
        lacks.append(f"{counted(len(missing), 'entry', 'entries')}: {'; '.join(map(str, missing))}")
    if lacks:
        raise TableError(f"lacks {' and '.join(lacks)}", file=table.path, hint=measuring_hint(table, models, imgsz))


def measuring_hint(table: LatencyTable, models: Sequence[Model], imgsz: int) -> str:
    """The advice for models that cannot be measured here.

    Args:
        table: A table of another device, or one that was opened by force.
        models: The models.
        imgsz: The image size in pixels.
    """
    words = [*(model.name for model in models), "--imgsz", str(imgsz)]
    if len(classes := {model.detector.nc for model in models}) == 1:
        words += ["--nc", str(*classes)]
    if not table.forced:
        return kit_hint(table.fingerprint, *words)
    command = latency_command("predict", *words, fingerprint=table.fingerprint)
    return f"nothing is measured with `force` ({table.forced}); {command} uses this device's own table"
