"""Latencies on the device of a run."""

from __future__ import annotations

from nas.reports.run_data import RunData
from nas.reports.used_table import find_table
from nas.spaces.architecture import decode


class DeviceLatencies:
    """Latencies in ms on the device of a run, by architecture string.

    Attributes:
        measured: Measured latencies of the run's finalists.
        predicted: Predicted latencies of the run's trained candidates, and results of `predict`.
    """

    def __init__(self, data: RunData) -> None:
        finalists, trained = data.result.finalists, data.trained
        self.measured = {model.arch: model.latency_ms for model in finalists if model.latency_ms is not None}
        self.predicted: dict[str, float] = dict(zip(trained.arch, trained.latency_ms, strict=True))
        self._nc = data.result.nc
        self._table = find_table(data)

    def predict(self, arch: str, imgsz: int) -> float | None:
        """Predicted latency of a model: as the run predicted it, otherwise as its table does; None if both lack it."""
        from nas.latency.errors import MissingEntryError

        if arch not in self.predicted and self._table is not None:
            try:
                self.predicted[arch] = self._table.predict(decode(arch).detector(self._nc), imgsz).total_ms
            except MissingEntryError:
                return None
        return self.predicted.get(arch)
