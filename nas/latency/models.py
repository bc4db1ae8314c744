"""Detectors to measure end-to-end, by name."""

from __future__ import annotations

from typing import Literal, NamedTuple

from nas.detectors.rows import Detector

Kind = Literal["random", "stock", "hand-made", "other"]


class Model(NamedTuple):
    """A detector to measure end-to-end.

    Attributes:
        name: Its name.
        kind: ``random`` member of a space, its ``stock`` model, a ``hand-made`` uniform replacement, or ``other``. The
            figures of a report card are over the random ones.
        detector: Its rows.
        imgsz: Its own image size in pixels, if it has one.
    """

    name: str
    kind: Kind
    detector: Detector
    imgsz: int | None = None
