"""What candidates are for, and what they cost there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.objectives.costs import LATENCY
from nas.spaces.architecture import Architecture, decode

if TYPE_CHECKING:
    from nas.execution.remote_device import FarDevice
    from nas.latency.table import LatencyTable


@dataclass(frozen=True)
class Target:
    """A device, as its latency ``table`` knows it, ``nc`` classes, and images of ``sizes`` pixels, one or several.

    ``minimised`` are the costs, latency first, that make the Pareto front together with the score. ``far`` is the
    device where it is a worker of a cluster.
    """

    table: LatencyTable
    nc: int
    sizes: tuple[int, ...]
    minimised: tuple[str, ...] = LATENCY
    far: FarDevice | None = None

    def detector(self, architecture: Architecture) -> Detector:
        """The rows for these classes."""
        return architecture.detector(self.nc)

    def decode(self, arch: str) -> Architecture:
        """The architecture of a string."""
        return decode(arch)

    def imgsz(self, architecture: Architecture) -> int:
        """The side of its images in pixels."""
        return architecture.imgsz or self.sizes[0]

    def scale(self, architecture: Architecture) -> float:
        """How much larger its images are than the smallest, by which a proxy's are larger too."""
        return self.imgsz(architecture) / min(self.sizes)

    def costs(self, architecture: Architecture) -> dict[str, float]:
        """What `Limits` limit: predicted latency in ms, parameters, multiply-adds, bytes of the deployed weights."""
        detector, imgsz = self.detector(architecture), self.imgsz(architecture)
        params, macs, _, size = cost(detector, imgsz)
        latency = self.table.predict(detector, imgsz).total_ms
        return {"latency": latency, "params": params, "macs": macs, "size": size}
