"""Latency table of one device and runtime: measured rows, from which it predicts detectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from nas.detectors.rows import Detector, ResolvedRow, resolved
from nas.latency.entries import DEEP, Key, Part
from nas.latency.errors import AbsentDeviceError, MissingEntryError
from nas.latency.fingerprint import Identity, digest
from nas.latency.header import Header
from nas.latency.hints import kit_hint
from nas.latency.prediction import Prediction
from nas.latency.runtimes.measure import Measurement
from nas.plurals import counted


@dataclass(frozen=True)
class LatencyTable:
    """Predicts the latency of a detector: overhead + factor x the sum of its rows' entries.

    A row of depth d costs base + (d - 1) x marginal, from entries of depths 1 and 3. The factor, one for each image
    size, corrects for the difference between rows in their graph and rows that are measured one by one. Open a table
    with `nas.latency.opening.open_table`; `nas.latency.builder.TableBuilder` measures and returns new tables.

    Attributes:
        path: The CSV that new entries are written to.
        fingerprint: Device, runtime and way of measuring.
        local: True if the device is this machine.
        entries: Measured rows, read-only.
        contents: The header; None as long as nothing is measured.
        source: The CSV that was read; None for a table that is not saved.
        forced: The reason why the table does not fit this device, if it was opened by force; otherwise empty.

    Example:
        >>> table = open_table("cpu", "onnxruntime")
        >>> table.predict(Detector.from_yaml("yolov8n.yaml"), imgsz=320).total_ms
        21.3
    """

    path: Path
    fingerprint: Identity
    local: bool = True
    entries: Mapping[Key, Measurement] = field(default_factory=lambda: MappingProxyType({}))
    contents: Header | None = None
    source: Path | None = None
    forced: str = ""

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def hash(self) -> str:
        """8 hex digits of the fingerprint."""
        return digest(self.fingerprint)

    @property
    def header(self) -> Header:
        """Date, reference kernel, overhead and calibrations.

        Raises:
            MissingEntryError: Nothing is measured yet.
        """
        if self.contents is None:
            raise MissingEntryError("the latency table is empty", file=self.path)
        return self.contents

    @property
    def measurable(self) -> bool:
        """True if missing rows can be measured here: the device is this machine, and the table fits it."""
        return self.local and not self.forced

    def calibrated(self, imgsz: int) -> bool:
        """Return True if the table predicts at an image size."""
        return self.contents is not None and str(imgsz) in self.contents.calibrations

    def missing(self, rows: Iterable[ResolvedRow]) -> list[Key]:
        """The entries that the table lacks for these rows."""
        return self._missing(map(Part.of, rows))

    def _missing(self, parts: Iterable[Part]) -> list[Key]:
        keys = dict.fromkeys(key for part in parts for key in part.needs())
        return [key for key in keys if key not in self.entries]

    def noisy(self, rows: Iterable[ResolvedRow]) -> list[Key]:
        """The entries of these rows that were measured while the machine was too noisy."""
        marks = set((self.contents.noisy if self.contents is not None else None) or ())
        keys = dict.fromkeys(key for part in map(Part.of, rows if marks else ()) for key in part.needs())
        return [key for key in keys if key.mark in marks]

    def require(self, rows: Iterable[ResolvedRow], imgsz: int) -> None:
        """Check that the table predicts detectors of these rows.

        Args:
            rows: The rows.
            imgsz: The image size in pixels.

        Raises:
            AbsentDeviceError: Entries or the calibration are missing. The hint says how to get them.
        """
        missing = self.missing(rows)
        lacks = [counted(len(missing), "entry", "entries")] if missing else []
        lacks += [] if self.calibrated(imgsz) else [f"a calibration at {imgsz} pixels"]
        if lacks:
            raise self.refusal(" and ".join(lacks))

    def refusal(self, lacking: str) -> AbsentDeviceError:
        """The error for something that would have to be measured, but cannot be measured here."""
        if self.forced:
            return AbsentDeviceError(
                f"{lacking} cannot be measured: {self.forced}", field="force", hint="drop `force` to measure"
            )
        problem = f"{lacking} cannot be measured: it is not this machine"
        device = self.fingerprint["device"]
        return AbsentDeviceError(problem, field="device", value=device, hint=kit_hint(self.fingerprint))

    def predict(self, detector: Detector, imgsz: int) -> Prediction:
        """Predict the latency of a detector.

        Args:
            detector: The detector.
            imgsz: The side of the image in pixels.

        Returns:
            The latency of one image, in total and by row.

        Raises:
            MissingEntryError: A row is not measured, or the image size is not calibrated.
        """
        rows = self.row_times(detector, imgsz)
        if not self.calibrated(imgsz):
            raise MissingEntryError(f"the latency table is not calibrated at {imgsz} pixels", file=self.path)
        factor = self.header.calibrations[str(imgsz)].factor
        return Prediction(self.header.overhead_ms + factor * sum(rows), [factor * ms for ms in rows])

    def known(self, detector: Detector, imgsz: int) -> list[float | None]:
        """Each row's share in ms as in `predict`, None for a row or an image size that was not measured."""
        calibration = self.contents and self.contents.calibrations.get(str(imgsz))
        shares: list[float | None] = []
        for part in map(Part.of, detector.resolve(imgsz)):
            measured = calibration is not None and all(key in self.entries for key in part.needs())
            shares.append(calibration.factor * self._row(part) if calibration and measured else None)
        return shares

    def row_times(self, detector: Detector, imgsz: int) -> list[float]:
        """Each row's latency in ms as it was measured, without the factor.

        Raises:
            MissingEntryError: A row is not measured.
        """
        parts = list(map(Part.of, resolved(detector, imgsz)))
        try:
            return list(map(self._row, parts))
        except KeyError:
            missing = self._missing(parts)
            some = "; ".join(str(key) for key in missing[:3])
            raise MissingEntryError(
                f"lacks {counted(len(missing), 'entry', 'entries')}, among them {some}", file=self.path
            ) from None

    def _row(self, part: Part) -> float:
        base = self.entries[part.key(1)].ms
        if part.depth == 1:
            return part.times * base
        marginal = max(0.0, self.entries[part.key(DEEP)].ms - base) / (DEEP - 1)
        return part.times * (base + (part.depth - 1) * marginal)
