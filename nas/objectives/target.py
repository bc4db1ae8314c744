"""Deployment target: device, image sizes and objectives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.objectives.costs import LATENCY
from nas.spaces.architecture import Architecture, decode

if TYPE_CHECKING:
    from nas.latency.prediction import Predictor


@dataclass(frozen=True)
class Target:
    """The device that detectors are deployed on, and the costs that count there.

    Attributes:
        table: Predicts latency on the device.
        nc: Number of classes.
        sizes: Image sizes in pixels, at least one. The first is the stock model's.
        minimize: Costs of the Pareto front, see `nas.objectives.costs.COSTS`; latency comes first.
    """

    table: Predictor
    nc: int
    sizes: tuple[int, ...]
    minimize: tuple[str, ...] = LATENCY

    def detector(self, architecture: Architecture) -> Detector:
        """The rows of an architecture, with a head for ``nc`` classes."""
        return architecture.detector(self.nc)

    def decode(self, arch: str) -> Architecture:
        """The architecture of an architecture string."""
        return decode(arch)

    def imgsz(self, architecture: Architecture) -> int:
        """The image size of an architecture, in pixels."""
        return architecture.imgsz or self.sizes[0]

    def scale(self, architecture: Architecture) -> float:
        """The image size relative to the smallest one. A proxy enlarges its own images by this factor."""
        return self.imgsz(architecture) / min(self.sizes)

    def costs(self, architecture: Architecture) -> dict[str, float]:
        """All costs by name: latency is predicted, in ms; see `nas.objectives.costs.COSTS`."""
        latency = self.table.predict(self.detector(architecture), self.imgsz(architecture)).total_ms
        return {"latency": latency, **self.costs_by_rows(architecture)}

    def costs_by_rows(self, architecture: Architecture) -> dict[str, float]:
        """Costs that need no latency table: parameters, MACs and size."""
        params, macs, _, size = cost(self.detector(architecture), self.imgsz(architecture))
        return {"params": params, "macs": macs, "size": size}
