"""Predicted latency, and the protocol of everything that predicts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from nas.detectors.rows import Detector


class Prediction(NamedTuple):
    """Latency of one image.

    Attributes:
        total_ms: The detector's latency in ms.
        rows: Each row's share in ms, without the cost of the call.
    """

    total_ms: float
    rows: Sequence[float]


class Predictor(Protocol):
    """Predicts the latency of detectors; `nas.latency.table.LatencyTable` does it from measured rows."""

    def predict(self, detector: Detector, imgsz: int) -> Prediction:
        """The latency of one image of ``imgsz`` x ``imgsz`` pixels."""

    def known(self, detector: Detector, imgsz: int) -> list[float | None]:
        """Each row's share in ms, None where it is unknown."""
