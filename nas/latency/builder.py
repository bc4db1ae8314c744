"""Table builder: measures the rows of a latency table and calibrates it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date

from nas.detectors.rows import Detector, ResolvedRow
from nas.latency.entries import Key, Part
from nas.latency.header import Calibration, Header, calibration_mark
from nas.latency.reference import bench as new_bench
from nas.latency.runtimes.base import Prepared, Runtime
from nas.latency.runtimes.measure import BATCH, QUIET, WHOLE_SAMPLES, Bench, Measurement, Noise
from nas.latency.table import LatencyTable
from nas.latency.table_file import TableFile, scaled
from nas.plurals import counted
from nas.progress import Progress, part, silent

EARLY = 8 * BATCH
"""Number of entries up to which a table that was begun in a slow window is begun again."""
GROUP = 64
"""Number of detectors that are held in memory at once, some 40 MB each."""


class TableBuilder:
    """Measures the rows of a latency table on this machine. A stopped builder continues where it was.

    Measuring holds the table's file lock and saves after every batch. Open a builder with
    `nas.latency.opening.open_builder`.

    Args:
        runtime: Runs what is measured.
        file: The table and its files.
        bench: Measures with the table's reference kernel; made when it is first needed.

    Example:
        >>> builder = open_builder("cpu", "onnxruntime")
        >>> builder.ensure(detector.resolve(320))
        >>> builder.calibrate([detector], 320)
        >>> builder.table.predict(detector, 320).total_ms
        21.3
    """

    def __init__(self, runtime: Runtime, file: TableFile, bench: Bench | None = None):
        self.runtime, self._file, self._bench = runtime, file, bench
        self._new = False
        self._wanted: dict[Key, ResolvedRow] = {}
        self._again: set[Key] = set()

    @property
    def table(self) -> LatencyTable:
        """The table as it is now."""
        return self._file.table

    @property
    def noise(self) -> Noise:
        """Noise while this builder measured."""
        return self._bench.noise if self._bench is not None else Noise(1.0, None)

    def ensure(self, rows: Iterable[ResolvedRow], progress: Progress = silent, again: bool = False) -> None:
        """Measure the entries that the table lacks.

        Args:
            rows: The rows that the table must predict.
            progress: Receives the share of entries that exist.
            again: True to measure entries again that were measured while the machine was too noisy.

        Raises:
            AbsentDeviceError: Entries are missing, and the table was opened by force.
        """
        rows = list(rows)
        for row in map(Part.of, rows):
            self._wanted.update({key: row.at(key.depth) for key in row.needs()})
        if again and self.table.measurable:
            self._again.update(self.table.noisy(rows))
        if self.table.contents is not None and not self._missing:
            return
        with self._measuring(counted(len(self._missing), "entry", "entries")) as bench:
            while missing := self._missing:
                self._measure(bench, missing, progress)

    @property
    def _missing(self) -> list[Key]:
        """Keys of the entries that are wanted, and missing or to be measured again."""
        return [key for key in self._wanted if key not in self.table.entries or key in self._again]

    def _measure(self, bench: Bench, missing: Sequence[Key], progress: Progress) -> None:
        """Measure these entries. It returns early if the table has to be begun again."""
        from nas.latency.prepared_rows import batches  # imports torch

        with closing(batches(self.runtime, [self._wanted[key] for key in missing], BATCH)) as prepared:
            for number, batch in enumerate(prepared):
                measured = bench.measure(batch)
                if self._new and bench.level < bench.nominal / QUIET:
                    # The table was begun in a slow window that passed for quiet. Begin again, unless many entries
                    # would be lost: these are in units of the reference kernel, and get its quiet time now.
                    if len(self.table) <= EARLY:
                        self._begin(bench, bench.level)
                        return
                    scale = bench.level / bench.nominal
                    measured = [scaled(measurement, scale) for measurement in measured]
                    bench.nominal *= scale
                    self._file.rescale(scale)
                overhead = self.table.header.overhead_ms
                keys = missing[number * BATCH :][: len(batch)]
                times = zip(keys, measured, strict=True)
                found = {key: m._replace(ms=max(0.0, m.ms - overhead)) for key, m in times}
                self._file.add(found, bench.noise, bench.last.too_much)
                self._again.difference_update(keys)
                progress(1 - len(self._missing) / len(self._wanted))

    def calibrate(
        self, detectors: Sequence[Detector], imgsz: int, progress: Progress = silent, again: bool = False
    ) -> Calibration:
        """Fit the factor of an image size, unless the table has it.

        Args:
            detectors: Detectors to measure end-to-end, about eight. The table must contain their rows.
            imgsz: The image size in pixels.
            progress: Receives the share done.
            again: True to fit it again if the machine was too noisy.
        """
        noisy = again and self.table.measurable and calibration_mark(imgsz) in (self.table.header.noisy or ())
        if noisy or not self.table.calibrated(imgsz):
            measured = self.measure_end_to_end(detectors, [imgsz] * len(detectors), progress)
            too_noisy = self._bench is not None and self._bench.last.too_much
            self._file.fit(detectors, measured, imgsz, self.noise, too_noisy)
        return self.table.header.calibrations[str(imgsz)]

    def measure_end_to_end(
        self, detectors: Sequence[Detector], sizes: Sequence[int], progress: Progress = silent
    ) -> list[Measurement]:
        """Measure detectors end-to-end, interleaved, with the statistic and the reference kernel of the entries.

        Args:
            detectors: The detectors.
            sizes: The image size of each, in pixels.
            progress: Receives the share done.

        Raises:
            AbsentDeviceError: The table was opened by force.
        """
        with self._measuring("complete detectors") as bench:
            prepared = [self._prepare(*pair) for pair in zip(detectors, sizes, strict=True)]
            return bench.measure(prepared, WHOLE_SAMPLES, progress)

    def measure_prepared(
        self, makers: Sequence[Callable[[Runtime], Prepared]], progress: Progress = silent
    ) -> list[Measurement]:
        """Measure what functions prepare, as in `measure_end_to_end`.

        Args:
            makers: Each prepares a trained network or an exported file on the runtime.
            progress: Receives the share done.

        Raises:
            AbsentDeviceError: The table was opened by force.
        """
        with self._measuring("complete detectors") as bench:
            return bench.measure([make(self.runtime) for make in makers], WHOLE_SAMPLES, progress)

    def measure_twice(
        self, detectors: Sequence[Detector], imgsz: int, progress: Progress = silent
    ) -> tuple[list[Measurement], list[Measurement]]:
        """Measure detectors as in `measure_end_to_end`, and again after all of them, or `GROUP`, were measured.

        Args:
            detectors: The detectors.
            imgsz: The image size in pixels.
            progress: Receives the share done.

        Returns:
            The first and the second measurement of each.
        """
        first, second = list[Measurement](), list[Measurement]()
        with self._measuring("complete detectors") as bench:
            for start in range(0, len(detectors), GROUP):
                group, prepared = detectors[start : start + GROUP], list[Prepared]()
                third = len(group) / len(detectors) / 3
                parts = [part(progress, start / len(detectors) + n * third, third) for n in range(3)]
                for detector in group:
                    prepared.append(self._prepare(detector, imgsz))
                    parts[0](len(prepared) / len(group))
                first += bench.measure(prepared, WHOLE_SAMPLES, parts[1])
                second += bench.measure(prepared, WHOLE_SAMPLES, parts[2])
        return first, second

    def _prepare(self, detector: Detector, imgsz: int) -> Prepared:
        from nas.latency.modules import end_to_end  # imports torch

        return self.runtime.prepare(*end_to_end(detector, imgsz))

    @contextmanager
    def _measuring(self, lacking: str) -> Iterator[Bench]:
        """Hold the lock; the bench measures in the table's units."""
        if self.table.forced:
            raise self.table.refusal(lacking)
        with self._file.locked():
            if self._bench is None:
                self._bench = new_bench(self.runtime)
            # Decided under the lock: another process may extend the table as soon as it is released.
            self._new = self.table.contents is None
            if self._new:
                self._begin(self._bench, self._bench.nominal)
            self._bench.nominal = self.table.header.reference_ms / 1e3
            yield self._bench

    def _begin(self, bench: Bench, nominal: float) -> None:
        """Begin an empty table whose reference kernel takes ``nominal`` seconds."""
        bench.nominal = nominal
        (empty,) = bench.measure([self.runtime.prepare_nothing()])
        today = date.today().isoformat()
        header = Header(dict(self.table.fingerprint), today, 1e3 * nominal, empty.ms, noisy=())
        self._file.begin(header)
