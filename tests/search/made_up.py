"""A deployment target whose latencies are made up."""

from __future__ import annotations

from nas.detectors.costs import cost, row_cost
from nas.detectors.rows import Detector
from nas.latency.prediction import Prediction
from nas.objectives.target import Target


class Table:
    """Latency as a made-up function of the cost."""

    def predict(self, detector: Detector, imgsz: int) -> Prediction:
        rows = [row_cost(row).macs / 1e7 for row in detector.resolve(imgsz)]
        return Prediction(cost(detector, imgsz).macs / 1e7, rows)

    def known(self, detector: Detector, imgsz: int) -> list[float | None]:
        return list(self.predict(detector, imgsz).rows)


TARGET = Target(Table(), 3, (160,))
