"""What candidates are for, and what they cost there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.detectors import Detector, cost
from nas.spaces import Architecture, decode

if TYPE_CHECKING:
    from nas.tables import LatencyTable


@dataclass(frozen=True)
class Target:
    """A device, as its latency ``table`` knows it, ``nc`` classes, and images of ``imgsz`` pixels.

    ``minimised`` are the costs, latency first, that make the Pareto front together with the score.
    """

    table: LatencyTable
    nc: int
    imgsz: int
    minimised: tuple[str, ...] = ("latency",)

    def detector(self, architecture: Architecture) -> Detector:
        """The rows for these classes."""
        return architecture.detector(self.nc)

    def decode(self, arch: str) -> Detector:
        """The rows of an architecture string."""
        return self.detector(decode(arch))

    def costs(self, detector: Detector) -> dict[str, float]:
        """What `Limits` limit: predicted latency in ms, parameters, multiply-adds, bytes of the deployed weights."""
        params, macs, _, size = cost(detector, self.imgsz)
        latency = self.table.predict(detector, self.imgsz).total_ms
        return {"latency": latency, "params": params, "macs": macs, "size": size}
