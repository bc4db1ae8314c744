"""File of a latency table: locked, extended and merged by one process at a time."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from nas.detectors.rows import Detector
from nas.errors import TableError
from nas.latency.entries import Key
from nas.latency.errors import DamagedTableError, RefusedTableError
from nas.latency.header import Calibration, Header, calibration_mark
from nas.latency.hints import differences, kit_hint, rebuild_hint
from nas.latency.runtimes.measure import Measurement, Noise
from nas.latency.store import load, save
from nas.latency.table import LatencyTable

PATIENCE = 1.0
"""Seconds to wait for the lock before a message is printed."""
QUIET = Noise(1.0, None)


class TableFile:
    """Changes a table and its files, under a file lock.

    Args:
        table: The table.
        drop: Removes the files at the first change.

    Attributes:
        table: The table as it is now.
    """

    def __init__(self, table: LatencyTable, drop: bool = False):
        self.table = table
        self._drop = drop
        # Noise of earlier sessions, and as this process last wrote it.
        self._earlier = self._written = QUIET

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock; the table then contains what other processes added.

        Raises:
            TableError: The table was opened by force, or the file now belongs to another device or runtime.
        """
        table = self.table
        if table.forced:
            problem = f"nothing is added to a table that does not fit: {table.forced}"
            raise TableError(problem, field="force")
        table.path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(table.path):
            if self._drop:
                table.path.unlink(missing_ok=True)
                self._drop = False
            if table.source == table.path and not table.path.exists():
                # Another process rebuilds it: our entries must not return.
                self.table = replace(table, contents=None, entries=MappingProxyType({}), source=None)
            elif table.path.exists():
                self.table = reloaded(table, table.path, table.path)
                if problem := differences(self.table.header.identity, table.fingerprint):
                    raise TableError(problem, file=table.path, hint=rebuild_hint(table.fingerprint, table.path))
            if self.table.contents is not None and self.table.contents.noise != self._written:
                self._earlier = self._earlier.worse(self.table.contents.noise)
            yield

    def begin(self, header: Header) -> None:
        """Replace the contents by an empty table."""
        self.table.path.unlink(missing_ok=True)
        self._earlier = QUIET
        self.table = replace(self.table, contents=header, entries=MappingProxyType({}))

    def add(self, entries: Mapping[Key, Measurement], noise: Noise, too_noisy: bool = False) -> None:
        """Add entries and save.

        Args:
            entries: New entries.
            noise: Noise of this session.
            too_noisy: True to mark the entries: the machine was too noisy while they were measured.
        """
        self.table = replace(self.table, entries=MappingProxyType({**self.table.entries, **entries}))
        self._mark([key.mark for key in entries], too_noisy)
        self._save_noise(noise)

    def _mark(self, marks: Sequence[str], too_noisy: bool) -> None:
        """Set or remove marks of entries or calibrations that were just measured."""
        header = self.table.header
        if header.noisy is None and header.noise.too_much:
            return  # an earlier release measured it, and nobody knows which entries are concerned
        others = [mark for mark in header.noisy or () if mark not in marks]
        noisy = (*others, *marks) if too_noisy else tuple(others)
        self.table = replace(self.table, contents=replace(header, noisy=noisy))

    def rescale(self, scale: float) -> None:
        """Change the unit: multiply every time, the reference kernel's among them."""
        header = self.table.header
        header = replace(header, reference_ms=header.reference_ms * scale, overhead_ms=header.overhead_ms * scale)
        entries = {key: scaled(entry, scale) for key, entry in self.table.entries.items()}
        self.table = replace(self.table, contents=header, entries=MappingProxyType(entries))

    def fit(
        self,
        detectors: Sequence[Detector],
        measured: Sequence[Measurement],
        imgsz: int,
        noise: Noise | None = None,
        too_noisy: bool = False,
    ) -> Calibration:
        """Fit the factor of an image size and save it.

        Args:
            detectors: Detectors whose rows are in the table.
            measured: Their end-to-end latencies.
            imgsz: The image size in pixels.
            noise: Noise of this session, if it measured anything.
            too_noisy: True to mark the calibration, as in `add`.
        """
        overhead = self.table.header.overhead_ms
        sums = [sum(self.table.row_times(detector, imgsz)) for detector in detectors]
        ratios = [(m.ms - overhead) / ms for m, ms in zip(measured, sums, strict=True)]
        factor = math.exp(sum(map(math.log, ratios)) / len(ratios))
        calibration = Calibration(factor, len(ratios), max(abs(factor / ratio - 1) for ratio in ratios))
        with self.locked():
            header = self.table.header
            calibrations = {**header.calibrations, str(imgsz): calibration}
            self.table = replace(self.table, contents=replace(header, calibrations=calibrations))
            self._mark([calibration_mark(imgsz)], too_noisy)
            if noise is None:
                self._save()
            else:
                self._save_noise(noise)
        return calibration

    def merge(self, header: Header, entries: Mapping[Key, Measurement], rebuild: bool = False) -> None:
        """Add the contents of another table of the same device and runtime.

        An entry of both becomes their mean, weighted by samples, in units of this table's reference kernel. This
        table's calibrations stay. Its report cards are removed, because they belong to other entries.

        Args:
            header: The other table's header.
            entries: Its entries.
            rebuild: Drops this table's contents first.

        Raises:
            TableError: The other table belongs to another device or runtime.
        """
        with self.locked():
            if problem := differences(header.identity, self.table.fingerprint):
                raise TableError(f"the table to merge is {problem}", file=self.table.path)
            fresh = self.table.contents is None or rebuild
            own, held = (header, {}) if fresh else (self.table.header, dict(self.table.entries))
            scale = own.reference_ms / header.reference_ms
            for key, entry in entries.items():
                other = scaled(entry, scale)
                held[key] = _mean(held[key], other) if key in held else other
            noise = self._earlier = own.noise.worse(header.noise)
            joined = replace(
                own,
                calibrations={**header.calibrations, **own.calibrations},
                kits={**own.kits, **header.kits},
                cards={},
                quiet=noise.quiet,
                steal=noise.steal,
                noisy=_joined_marks(own, header, entries),
            )
            self.table = replace(self.table, contents=joined, entries=MappingProxyType(held))
            self._save()

    def record(self, imgsz: int, card: dict[str, float]) -> None:
        """Save the figures of a report card. Its noise is not the entries', so the header's stays."""
        with self.locked():
            header = self.table.header
            cards = {**header.cards, str(imgsz): card}
            self.table = replace(self.table, contents=replace(header, cards=cards))
            self._save()

    def _save_noise(self, noise: Noise) -> None:
        worst = self._written = self._earlier.worse(noise)
        header = replace(self.table.header, quiet=worst.quiet, steal=worst.steal)
        self.table = replace(self.table, contents=header)
        self._save()

    def _save(self) -> None:
        save(self.table.path, self.table.header, self.table.entries)
        self.table = replace(self.table, source=self.table.path)


def _joined_marks(own: Header, other: Header, entries: Mapping[Key, Measurement]) -> tuple[str, ...] | None:
    """Marks of a table with the entries of another one."""
    if own.noisy is None and own is not other and own.noise.too_much:
        return None
    theirs = other.noisy
    if theirs is None:
        theirs = tuple(key.mark for key in entries) if other.noise.too_much else ()
    return tuple(dict.fromkeys((*(own.noisy or ()), *theirs)))


def reloaded(table: LatencyTable, source: Path, given: Path | None) -> LatencyTable:
    """The table with the contents of a file.

    Args:
        table: A table of the same device.
        source: The CSV.
        given: The path to name in a hint, if the table is not in the user's folder.

    Raises:
        RefusedTableError: The file is damaged. The hint says how to restore the table.
    """
    try:
        header, entries = load(source)
    except DamagedTableError as error:
        anew = rebuild_hint(table.fingerprint, given)
        advice = anew if table.local else f"remove the table and {kit_hint(table.fingerprint)}"
        hint = f"restore the file, or {advice}"
        raise RefusedTableError(error.problem, file=error.file, field=error.field, hint=hint) from None
    return replace(table, contents=header, entries=MappingProxyType(entries), source=source)


def scaled(entry: Measurement, scale: float) -> Measurement:
    """The measurement in other units."""
    return Measurement(entry.ms * scale, entry.spread_ms * scale, entry.n)


def _mean(one: Measurement, other: Measurement) -> Measurement:
    n = one.n + other.n
    ms, spread = ((one.n * a + other.n * b) / n for a, b in zip(one[:2], other[:2], strict=True))
    return Measurement(ms, spread, n)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock of a table. A process that has to wait prints a message."""
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
