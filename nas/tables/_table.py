"""The latency table of one device and runtime."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import torch
from filelock import FileLock
from torch import nn

from nas.detectors import Detector, Network, ResolvedRow, fuse
from nas.files import shipped
from nas.runtimes import Runtime
from nas.tables._bench import QUIET, Bench, Measurement, Progress
from nas.tables._entry import DEEP, Key, Part, build
from nas.tables._fit import check_reference
from nas.tables._identity import Identity, digest, file_name, home, identity
from nas.tables._store import Calibration, Header, check_identity, load, save

BATCH = 32
"""Entries that are prepared together, timed interleaved and then saved."""
WHOLE_SAMPLES = 9


class MissingEntryError(LookupError):
    """A detector has rows that the table does not know, or an image size that it is not calibrated for."""


class Prediction(NamedTuple):
    """Latency in ms of one image: the detector's, and its rows' shares of it, the call's own cost left out."""

    total_ms: float
    rows: list[float]


class LatencyTable:
    """Predicts a detector as overhead + factor x the sum of its rows' entries.

    `open` one, `ensure` the rows, `calibrate` on a few detectors; then `predict` anything that is made of these rows.
    A row of depth d costs base + (d - 1) x marginal, from entries of depth 1 and 3. The factor, one an image size, is
    what rows in their graph cost over rows measured alone. Measuring takes the table's file lock, saves as it goes and
    continues where it was stopped.
    """

    def __init__(self, runtime: Runtime, path: Path):
        self.runtime = runtime
        self.path = path
        self.fingerprint: Identity = identity(runtime)
        self._entries: dict[Key, Measurement] = {}
        self._header: Header | None = None
        self._bench: Bench | None = None
        self._new = False
        self._asked: dict[Key, ResolvedRow] = {}

    @classmethod
    def open(cls, runtime: Runtime, path: str | Path | None = None, rebuild: bool = False) -> LatencyTable:
        """The table of this device and runtime: at ``path``, or in the user's folder, or as shipped, or else empty.

        ``rebuild`` drops what the file holds. Raises InputError for a damaged file, for one of another device or
        runtime, and for one whose reference kernel takes another time here.
        """
        name = file_name(identity(runtime))
        table = cls(runtime, Path(path) if path is not None else home() / name)
        if rebuild:
            table.path.unlink(missing_ok=True)
            return table
        for source in (table.path, *(() if path is not None else (shipped("latency_tables") / name,))):
            if source.exists():
                table._load(source)
                table._bench = Bench(runtime, table.header.reference_ms / 1e3)
                check_reference(source, table._bench)
                break
        return table

    @property
    def hash(self) -> str:
        """8 hex digits of the fingerprint."""
        return digest(self.fingerprint)

    @property
    def header(self) -> Header:
        """Date, reference kernel, overhead and calibrations; raises MissingEntryError while nothing is measured."""
        if self._header is None:
            raise MissingEntryError(f"the latency table {self.path} is empty")
        return self._header

    def __len__(self) -> int:
        return len(self._entries)

    def ensure(self, rows: Iterable[ResolvedRow], progress: Progress | None = None) -> None:
        """Measure what the table lacks of these rows; ``progress`` gets the share that is there."""
        for part in map(Part.of, rows):
            self._asked.update({key: part.at(key.depth) for key in part.needs()})
        with self._measuring() as bench:
            while keys := [key for key in self._asked if key not in self._entries][:BATCH]:
                measured = bench.measure([self.runtime.prepare(*build(self._asked[key])) for key in keys])
                if self._new and bench.level < bench.nominal / QUIET:
                    # The table was begun in a slow window; what was taken for quiet was not. Begin again.
                    self._begin(bench, bench.level)
                    continue
                for key, (ms, spread_ms, n) in zip(keys, measured, strict=True):
                    self._entries[key] = Measurement(max(0.0, ms - self.header.overhead_ms), spread_ms, n)
                save(self.path, self.header, self._entries)
                if progress is not None:
                    progress(sum(key in self._entries for key in self._asked) / len(self._asked))

    def calibrate(self, detectors: Sequence[Detector], imgsz: int, progress: Progress | None = None) -> Calibration:
        """Fit the factor of this image size by measuring these detectors whole, about eight, unless it is there."""
        if str(imgsz) in self.header.calibrations:
            return self.header.calibrations[str(imgsz)]
        sums = [sum(self._rows(detector, imgsz)) for detector in detectors]
        wholes = self.measure_wholes(detectors, imgsz, progress)
        ratios = [(w.ms - self.header.overhead_ms) / s for w, s in zip(wholes, sums, strict=True)]
        factor = math.exp(sum(map(math.log, ratios)) / len(ratios))
        found = Calibration(factor, len(ratios), max(abs(factor / ratio - 1) for ratio in ratios))
        with self._measuring():
            self.header.calibrations[str(imgsz)] = found
            save(self.path, self.header, self._entries)
        return found

    def predict(self, detector: Detector, imgsz: int) -> Prediction:
        """The latency of one image of ``imgsz`` x ``imgsz`` pixels.

        Raises MissingEntryError for a row that was not measured or a size that was not calibrated; nothing is guessed.
        """
        rows = self._rows(detector, imgsz)
        if str(imgsz) not in self.header.calibrations:
            raise MissingEntryError(f"the latency table {self.path} is not calibrated at {imgsz} pixels")
        factor = self.header.calibrations[str(imgsz)].factor
        return Prediction(self.header.overhead_ms + factor * sum(rows), [factor * ms for ms in rows])

    def known(self, detector: Detector, imgsz: int) -> list[float | None]:
        """Each row's share in ms as `predict` gives it, None for a row or an image size that was not measured."""
        calibration = self._header and self._header.calibrations.get(str(imgsz))
        shares: list[float | None] = []
        for part in map(Part.of, detector.resolve(imgsz)):
            measured = calibration is not None and all(key in self._entries for key in part.needs())
            shares.append(calibration.factor * self._row(part) if calibration and measured else None)
        return shares

    def measure_wholes(
        self, detectors: Sequence[Detector], imgsz: int, progress: Progress | None = None
    ) -> list[Measurement]:
        """Measure whole detectors, interleaved, by the statistic and the reference of the entries."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            image = torch.rand(1, 3, imgsz, imgsz)
            prepared = [self.runtime.prepare(fuse(Network(detector).eval()), [image]) for detector in detectors]
        with self._measuring() as bench:
            return bench.measure(prepared, WHOLE_SAMPLES, progress)

    def _rows(self, detector: Detector, imgsz: int) -> list[float]:
        """The rows' ms as measured alone."""
        parts = [Part.of(row) for row in detector.resolve(imgsz)]
        missing = dict.fromkeys(key for part in parts for key in part.needs() if key not in self._entries)
        if missing:
            first = "; ".join(str(key) for key in list(missing)[:3])
            raise MissingEntryError(f"the latency table {self.path} lacks {len(missing)} entries, first of all {first}")
        return [self._row(part) for part in parts]

    def _row(self, part: Part) -> float:
        base = self._entries[part.key(1)].ms
        if part.depth == 1:
            return part.times * base
        marginal = max(0.0, self._entries[part.key(DEEP)].ms - base) / (DEEP - 1)
        return part.times * (base + (part.depth - 1) * marginal)

    def _load(self, path: Path) -> None:
        header, self._entries = load(path)
        check_identity(path, header.identity, self.fingerprint)
        self._header = header

    @contextmanager
    def _measuring(self) -> Iterator[Bench]:
        """Hold the table's lock, with what other processes added to the file, and a bench to measure by."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"):
            if self.path.exists():
                self._load(self.path)
            if self._bench is None:
                self._bench = Bench(self.runtime)
            if self._header is None:
                self._begin(self._bench, self._bench.nominal)
            self._bench.nominal = self.header.reference_ms / 1e3
            yield self._bench

    def _begin(self, bench: Bench, nominal: float) -> None:
        """Begin an empty table, in units of a reference that takes ``nominal`` seconds."""
        self.path.unlink(missing_ok=True)
        self._entries.clear()
        self._new, bench.nominal = True, nominal
        (nothing,) = bench.measure([self.runtime.prepare(nn.Identity(), [torch.zeros(1)])])
        self._header = Header(self.fingerprint, date.today().isoformat(), 1e3 * nominal, nothing.ms)
