"""Profile of a model: cost and latency of every row and of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from nas.detectors.costs import row_cost
from nas.detectors.rows import Detector, ResolvedRow
from nas.files import tables_home
from nas.latency.hints import kit_hint, latency_command
from nas.latency.table import LatencyTable
from nas.operators.base import Cost, total


class RowProfile(NamedTuple):
    """One row of a detector.

    Attributes:
        resolved: The row with its shapes.
        cost: Its closed-form cost.
        latency_ms: Its latency in ms; None if the table does not hold it.
    """

    resolved: ResolvedRow
    cost: Cost
    latency_ms: float | None

    def to_json(self) -> dict[str, Any]:
        """The row in the JSON of the command."""
        row, output = self.resolved.row, self.resolved.call.output
        # The output of a head is no map: it has no height and width.
        shape = output[:2] if row.operator.is_head else output
        return {
            "row": self.resolved.index,
            "from": list(row.source),
            "module": row.module,
            "repeats": row.repeats,
            "args": list(row.args),
            "output": list(shape),
            **self.cost._asdict(),
            "latency_ms": self.latency_ms,
        }


@dataclass(frozen=True)
class ModelProfile:
    """Cost and latency of a detector for one image.

    Attributes:
        rows: The rows in order.
        latency_ms: The latency of the model in ms; None if it is unknown.
        forced: The reason why the table does not fit the device, if it is used all the same.
        note: The reason why a latency is unknown, and the command that measures it; empty if all are known.
    """

    rows: tuple[RowProfile, ...]
    latency_ms: float | None
    forced: str = ""
    note: str = ""

    @property
    def cost(self) -> Cost:
        """The cost of the model."""
        return total(row.cost for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """The JSON of the command."""
        summed = {**self.cost._asdict(), "latency_ms": self.latency_ms}
        return {"total": summed, "rows": [row.to_json() for row in self.rows], "forced": self.forced}


def profile_model(detector: Detector, imgsz: int, table: LatencyTable | None, name: str) -> ModelProfile:
    """Profile a detector. Nothing is measured.

    Args:
        detector: The detector.
        imgsz: The side of the images in pixels.
        table: The latency table; None: latencies are unknown.
        name: The model's name, for the commands in the note.

    Raises:
        ModelError: With the row that cannot be built.
    """
    resolved = list(detector.resolve(imgsz))
    known: list[float | None] = [None] * len(resolved)
    latency, note = None, ""
    if table is not None and not (note := _missing_size(table, name, imgsz)):
        known = table.known(detector, imgsz)
        if missing := known.count(None):
            lacking = f"no latency for {missing} of {len(known)} rows: {table.path} lacks them"
            note = f"{lacking}; {_command_that_adds(table, name, imgsz)}"
        else:
            latency = table.predict(detector, imgsz).total_ms
    rows = tuple(RowProfile(row, row_cost(row), ms) for row, ms in zip(resolved, known, strict=True))
    return ModelProfile(rows, latency, table.forced if table is not None else "", note)


def _missing_size(table: LatencyTable, name: str, imgsz: int) -> str:
    """The reason why a table predicts nothing at an image size; empty if it does."""
    if not len(table):
        identity = table.fingerprint
        path = table.path if table.path.parent != tables_home() else None
        build = latency_command("build", "--imgsz", str(imgsz), fingerprint=identity, path=path)
        return f"no latency: no table of this device with {identity['runtime']} yet; {build} builds it"
    if str(imgsz) not in table.header.calibrations:
        sizes = ", ".join(map(str, table.header.sizes)) or "no size yet"
        adds = _command_that_adds(table, name, imgsz)
        return f"no latency: {table.path} is for {sizes}, not {imgsz} pixels; {adds}"
    return ""


def _command_that_adds(table: LatencyTable, name: str, imgsz: int) -> str:
    """The hint that tells how to measure a model's missing rows."""
    identity = table.fingerprint
    if not table.measurable:
        return table.forced or kit_hint(identity, name, "--imgsz", str(imgsz))
    path = table.path if table.path.parent != tables_home() else None
    predict = latency_command("predict", name, "--imgsz", str(imgsz), fingerprint=identity, path=path)
    return f"{predict} adds them"
