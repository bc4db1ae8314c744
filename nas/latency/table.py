"""The latency table of one device and runtime."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from nas.detectors.rows import Detector, ResolvedRow, resolved
from nas.errors import InputError
from nas.files import shipped, tables_home
from nas.latency.entries import DEEP, Key, Part, whole
from nas.latency.fingerprint import Identity, digest, file_name, identity
from nas.latency.hints import differences, kit_command, rebuild_command
from nas.latency.prepare import batches
from nas.latency.reference import bench as new_bench
from nas.latency.reference import nothing
from nas.latency.reference_check import misfit
from nas.latency.runtimes.base import Prepared, Runtime
from nas.latency.runtimes.measure import BATCH, QUIET, WHOLE_SAMPLES, Bench, Measurement, Noise
from nas.latency.store import Calibration, DamagedError, Entries, Header, load, load_header, save
from nas.progress import Progress

EARLY = 8 * BATCH
"""Entries up to which a table that was begun in a slow window is begun again."""
PATIENCE = 1.0
"""Seconds that a table's lock is waited for without a word."""
GROUP = 64
"""Whole detectors that are held ready at once: some 40 MB each."""


class MissingEntryError(LookupError):
    """A detector has rows that the table does not know, or an image size that it is not calibrated for."""


class AbsentDeviceError(InputError):
    """Something would have to be measured, and the table's device is not this one."""


class Prediction(NamedTuple):
    """Latency in ms of one image: the detector's, and its rows' shares of it, the call's own cost left out."""

    total_ms: float
    rows: list[float]


class LatencyTable:
    """Predicts a detector as overhead + factor x the sum of its rows' entries.

    `open` one, or `find` that of a device which is not here; `ensure` the rows, `calibrate` on a few detectors; then
    `predict` anything that is made of these rows. A row of depth d costs base + (d - 1) x marginal, from entries of
    depth 1 and 3. The factor, one an image size, is what rows in their graph cost over rows measured alone. Measuring
    takes the table's file lock, saves as it goes and continues where it was stopped.

    ``runtime`` is None where the device is not here: nothing can then be measured. ``forced`` says why a table that
    does not fit was taken all the same, and is empty else; such a table measures nothing either.
    """

    def __init__(self, runtime: Runtime | None, path: Path, fingerprint: Identity):
        self.runtime = runtime
        self.path = path
        self.fingerprint = fingerprint
        self.forced = ""
        self._entries: Entries = {}
        self._header: Header | None = None
        self._bench: Bench | None = None
        self._new = False
        self._drop = False
        self._saved = False  # whether what this process holds stands in the file at `path`
        # Of the sessions before this one, and as this one last wrote it.
        self._earlier = self._written = Noise(1.0, None)
        self._asked: dict[Key, ResolvedRow] = {}

    @classmethod
    def open(
        cls, runtime: Runtime, path: str | Path | None = None, rebuild: bool = False, force: bool = False
    ) -> LatencyTable:
        """The table of this device and runtime: at ``path``, or in the user's folder, or as shipped, or else empty.

        ``rebuild`` drops what the file holds, as soon as something is measured. Raises InputError, with the command
        that mends it, for a damaged file; for one of another device or runtime, and for one whose reference kernel
        takes another time here, unless ``force`` says to take it all the same.
        """
        here = identity(runtime)
        name = file_name(here)
        table = cls(runtime, Path(path) if path is not None else tables_home() / name, here)
        if rebuild:
            table._drop = True
            return table
        for source in (table.path, *(() if path is not None else (shipped("latency_tables") / name,))):
            if source.exists():
                table._open(source, given=path is not None, force=force)
                break
        return table

    @classmethod
    def find(cls, device: str, runtime: str, threads: int, path: str | Path | None = None) -> LatencyTable:
        """The table that was brought home from a device by this name (``import``); ``runtime`` may be auto.

        Raises AbsentDeviceError when there is none, InputError when there is more than one.
        """
        folders = (tables_home(), shipped("latency_tables"))
        files = [Path(path)] if path is not None else [f for folder in folders for f in sorted(folder.glob("*.csv"))]
        found: dict[str, tuple[Path, Identity]] = {}
        damaged: list[str] = []
        for file in files:
            try:
                of = load_header(file).identity
            except DamagedError as error:
                damaged.append(f"{error}; restore the file, or remove the table")
                continue
            if of["device"] == device and of["threads"] == threads and runtime in {"auto", of["runtime"]}:
                found.setdefault(digest(of), (file, of))
        if not found and damaged:
            raise InputError(damaged[0])
        if not found:
            raise AbsentDeviceError(
                f"--device {device}: not this machine, and there is no table of it for the runtime {runtime} and "
                f"{threads} thread(s); {kit_command({'device': device, 'runtime': runtime, 'threads': threads})}"
            )
        if len(found) > 1:
            names = ", ".join(str(file) for file, _ in found.values())
            raise InputError(f"--device {device}: several tables fit; give one of them with --table: {names}")
        ((file, of),) = found.values()
        table = cls(None, Path(path) if path is not None else tables_home() / file.name, of)
        table._header, table._entries = table._read(file, file)
        table._saved = file == table.path
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

    @property
    def entries(self) -> Entries:
        """A copy of what was measured."""
        return dict(self._entries)

    @property
    def here(self) -> bool:
        """Whether this table can measure: its device is this one, and it was not forced."""
        return self.runtime is not None and not self.forced

    def __len__(self) -> int:
        return len(self._entries)

    def missing(self, rows: Iterable[ResolvedRow]) -> list[Key]:
        """The entries that the table lacks of these rows."""
        return self._without(map(Part.of, rows))

    def _without(self, parts: Iterable[Part]) -> list[Key]:
        keys = dict.fromkeys(key for part in parts for key in part.needs())
        return [key for key in keys if key not in self._entries]

    def ensure(self, rows: Iterable[ResolvedRow], progress: Progress | None = None) -> None:
        """Measure what the table lacks of these rows; ``progress`` gets the share that is there."""
        for part in map(Part.of, rows):
            self._asked.update({key: part.at(key.depth) for key in part.needs()})
        if self._header is not None and not self._lacking:
            return
        with self._measuring(f"{len(self._lacking)} entries") as (runtime, bench):
            while lacking := self._lacking:
                self._fill(runtime, bench, lacking, progress)

    @property
    def _lacking(self) -> list[Key]:
        """What was asked for and is not there."""
        return [key for key in self._asked if key not in self._entries]

    def _fill(self, runtime: Runtime, bench: Bench, lacking: Sequence[Key], progress: Progress | None) -> None:
        """Measure these entries, or as many as there are until the table has to be begun again."""
        with closing(batches(runtime, [self._asked[key] for key in lacking], BATCH)) as prepared:
            for number, batch in enumerate(prepared):
                measured = bench.measure(batch)
                if self._new and bench.level < bench.nominal / QUIET:
                    # The table was begun in a slow window; what was taken for quiet was not. Begin again, unless much
                    # would be lost: its entries stand in units of the reference, and get its quiet time now.
                    if len(self._entries) <= EARLY:
                        self._begin(runtime, bench, bench.level)
                        return
                    scale = bench.level / bench.nominal
                    measured = [Measurement(ms * scale, spread * scale, n) for ms, spread, n in measured]
                    self._rescale(bench, scale)
                for key, (ms, spread_ms, n) in zip(lacking[number * BATCH :][: len(batch)], measured, strict=True):
                    self._entries[key] = Measurement(max(0.0, ms - self.header.overhead_ms), spread_ms, n)
                self._save()
                if progress is not None:
                    progress(sum(key in self._entries for key in self._asked) / len(self._asked))

    def calibrate(self, detectors: Sequence[Detector], imgsz: int, progress: Progress | None = None) -> Calibration:
        """Fit the factor of this image size by measuring these detectors whole, about eight, unless it is there."""
        if str(imgsz) in self.header.calibrations:
            return self.header.calibrations[str(imgsz)]
        return self.fit(detectors, self.measure_wholes(detectors, imgsz, progress), imgsz)

    def fit(self, detectors: Sequence[Detector], wholes: Sequence[Measurement], imgsz: int) -> Calibration:
        """Fit the factor of this image size to what these detectors took whole."""
        sums = [sum(self._rows(detector, imgsz)) for detector in detectors]
        ratios = [(w.ms - self.header.overhead_ms) / s for w, s in zip(wholes, sums, strict=True)]
        factor = math.exp(sum(map(math.log, ratios)) / len(ratios))
        found = Calibration(factor, len(ratios), max(abs(factor / ratio - 1) for ratio in ratios))
        with self._locked():
            self.header.calibrations[str(imgsz)] = found
            self._save()
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
        self, detectors: Sequence[Detector], imgsz: int | Sequence[int], progress: Progress | None = None
    ) -> list[Measurement]:
        """Measure whole detectors on images of this size, or each of its own, interleaved, by the statistic and the
        reference of the entries."""
        sizes = [imgsz] * len(detectors) if isinstance(imgsz, int) else imgsz
        with self._measuring("whole detectors") as (runtime, bench):
            prepared = [runtime.prepare(*whole(*of)) for of in zip(detectors, sizes, strict=True)]
            return bench.measure(prepared, WHOLE_SAMPLES, progress)

    def measure_twice(
        self, detectors: Sequence[Detector], imgsz: int, progress: Progress | None = None
    ) -> tuple[list[Measurement], list[Measurement]]:
        """Measure whole detectors as `measure_wholes` does, and again when all of them, or `GROUP`, have had their
        turn."""
        first, second = list[Measurement](), list[Measurement]()
        with self._measuring("whole detectors") as (runtime, bench):
            for start in range(0, len(detectors), GROUP):
                group, prepared = detectors[start : start + GROUP], list[Prepared]()
                third = len(group) / len(detectors) / 3
                part = [_part(progress, start / len(detectors) + n * third, third) for n in range(3)]
                for detector in group:
                    prepared.append(runtime.prepare(*whole(detector, imgsz)))
                    part[0](len(prepared) / len(group))
                first += bench.measure(prepared, WHOLE_SAMPLES, part[1])
                second += bench.measure(prepared, WHOLE_SAMPLES, part[2])
        return first, second

    def merge(self, header: Header, entries: Entries, rebuild: bool = False) -> None:
        """Take in what another table of the same device and runtime holds: what both measured becomes the mean,
        weighted by samples, in units of this table's reference; this table's calibrations stay, and its cards go.
        ``rebuild`` drops what this table holds first."""
        with self._locked():
            if problem := differences(header.identity, self.fingerprint):
                raise InputError(f"{self.path}: what is to be merged is {problem}")
            if self._header is None or rebuild:
                self._header, self._entries = replace(header), {}
            scale = self.header.reference_ms / header.reference_ms
            for key, (ms, spread_ms, n) in entries.items():
                other = Measurement(ms * scale, spread_ms * scale, n)
                self._entries[key] = _mean(self._entries[key], other) if key in self._entries else other
            self.header.calibrations = header.calibrations | self.header.calibrations
            self.header.kits = self.header.kits | header.kits
            self.header.cards = {}  # they were of other entries
            self.header.quiet, self.header.steal = self._earlier = self.header.noise.worse(header.noise)
            self._save()

    def record(self, imgsz: int, card: dict[str, float]) -> None:
        """Keep the figures of a report card."""
        with self._locked():
            self.header.cards[str(imgsz)] = card
            # Not `_save`: how noisy the machine was while the card was made says nothing of the entries.
            self._write()

    def _rows(self, detector: Detector, imgsz: int) -> list[float]:
        """The rows' ms as measured alone."""
        parts = list(map(Part.of, resolved(detector, imgsz)))
        try:
            return list(map(self._row, parts))
        except KeyError:
            missing = self._without(parts)
            first = "; ".join(str(key) for key in missing[:3])
            problem = f"the latency table {self.path} lacks {len(missing)} entries, first of all {first}"
            raise MissingEntryError(problem) from None

    def _row(self, part: Part) -> float:
        base = self._entries[part.key(1)].ms
        if part.depth == 1:
            return part.times * base
        marginal = max(0.0, self._entries[part.key(DEEP)].ms - base) / (DEEP - 1)
        return part.times * (base + (part.depth - 1) * marginal)

    def _open(self, source: Path, given: bool, force: bool) -> None:
        assert self.runtime is not None
        mend = rebuild_command(self.fingerprint, self.path if given else None)
        self._header, self._entries = self._read(source, self.path if given else None)
        self._saved = source == self.path
        problem = differences(self._header.identity, self.fingerprint)
        if not problem:
            self._bench = new_bench(self.runtime, self.header.reference_ms / 1e3)
            problem = misfit(self._bench)
        if problem and force:
            self.forced = f"{source}: {problem}"
        elif problem:
            raise InputError(f"{source}: {problem}; measure anew: {mend}; or take it as it is with --force")

    def _read(self, source: Path, given: Path | None) -> tuple[Header, Entries]:
        """A file of this table; raises InputError, with what mends it, where it is damaged."""
        try:
            return load(source)
        except DamagedError as error:
            of = self.fingerprint
            anew = f"measure anew: {rebuild_command(of, given)}"
            mend = anew if self.runtime is not None else f"remove the table and {kit_command(of)}"
            raise InputError(f"{error}; restore the file, or {mend}") from None

    def _save(self) -> None:
        if self._bench is not None:
            self.header.quiet, self.header.steal = self._written = self._earlier.worse(self._bench.noise)
        self._write()

    def _write(self) -> None:
        save(self.path, self.header, self._entries)
        self._saved = True

    @property
    def noise(self) -> Noise:
        """How disturbed what this process measured was."""
        return self._bench.noise if self._bench is not None else Noise(1.0, None)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the table's lock, with what other processes added to the file."""
        if self.forced:
            raise InputError(f"--force: nothing is added to a table that does not fit: {self.forced}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(self.path):
            if self._drop:
                self.path.unlink(missing_ok=True)
                self._drop = False
            if self._saved and not self.path.exists():  # another process drops it: what we hold must not come back
                self._header, self._entries = None, {}
            elif self.path.exists():
                self._header, self._entries = self._read(self.path, self.path)
                self._saved = True
                if problem := differences(self._header.identity, self.fingerprint):
                    mend = rebuild_command(self.fingerprint, self.path)
                    raise InputError(f"{self.path}: {problem}; measure anew: {mend}")
            if self._header is not None and self._header.noise != self._written:
                self._earlier = self._earlier.worse(self._header.noise)
            yield

    @contextmanager
    def _measuring(self, what: str) -> Iterator[tuple[Runtime, Bench]]:
        """The lock, and a runtime and a bench to measure by."""
        if self.forced:
            raise AbsentDeviceError(f"{what} cannot be measured: --force: {self.forced}; drop --force to measure")
        if self.runtime is None:
            why = f"the device {self.fingerprint['device']} is not here"
            raise AbsentDeviceError(f"{what} cannot be measured: {why}; {kit_command(self.fingerprint)}")
        with self._locked():
            if self._bench is None:
                self._bench = new_bench(self.runtime)
            self._new = self._header is None  # and only now: another process may add to it as soon as the lock is free
            if self._new:
                self._begin(self.runtime, self._bench, self._bench.nominal)
            self._bench.nominal = self.header.reference_ms / 1e3
            yield self.runtime, self._bench

    def _rescale(self, bench: Bench, scale: float) -> None:
        """Make what the reference takes in this table so many times as long."""
        for key, (ms, spread_ms, n) in self._entries.items():
            self._entries[key] = Measurement(ms * scale, spread_ms * scale, n)
        bench.nominal *= scale
        self.header.reference_ms *= scale
        self.header.overhead_ms *= scale

    def _begin(self, runtime: Runtime, bench: Bench, nominal: float) -> None:
        """Begin an empty table, in units of a reference that takes ``nominal`` seconds."""
        self.path.unlink(missing_ok=True)
        self._entries.clear()
        self._earlier, bench.nominal = Noise(1.0, None), nominal
        (empty,) = bench.measure([runtime.prepare(*nothing())])
        self._header = Header(self.fingerprint, date.today().isoformat(), 1e3 * nominal, empty.ms)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock of a table's file; whoever has to wait for it is told."""
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        print(f"{path}: another process is measuring for it; waiting until it ends", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _part(progress: Progress | None, start: float, length: float) -> Progress:
    """Tells ``progress`` of a part, by where it starts in the whole and how much of it it is."""
    return lambda share: None if progress is None else progress(start + length * share)


def _mean(one: Measurement, other: Measurement) -> Measurement:
    n = one.n + other.n
    ms, spread = ((one.n * a + other.n * b) / n for a, b in zip(one[:2], other[:2], strict=True))
    return Measurement(ms, spread, n)
