"""Remote device: a worker of a cluster on which latency is measured for a search."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import ConfigError, TableError
from nas.execution.cluster.call import current_task, submit
from nas.execution.cluster.connection import connect, count_resources
from nas.execution.cluster.link import Link
from nas.execution.machine_lock import measuring
from nas.interrupts import stop_if_asked

if TYPE_CHECKING:
    from nas.detectors.rows import Detector, ResolvedRow
    from nas.latency.kit_results import KitResults
    from nas.latency.models import Model
    from nas.latency.runtimes.measure import Measurement

SCRIPT = "measure.py"


@dataclass(frozen=True)
class RemoteDevice:
    """The worker whose resource is ``device:NAME``.

    It measures a kit (`nas.latency.kit`): the same files and the same script that a person would carry to the device.
    Nothing trains on that machine meanwhile.

    Attributes:
        name: Name of the device, as given to `nas.worker`.
        runtime: Name of the runtime.
        threads: Threads of the runtime.
        address: Address of the scheduler.
        link: TLS files, and the function that receives messages.
    """

    name: str
    runtime: str
    threads: int
    address: str
    link: Link

    def is_connected(self) -> bool:
        """True if the worker has joined the cluster.

        Raises:
            ConfigError: Several workers have this name, or the scheduler does not answer.
        """
        client = connect(self.address, self.link)
        count = count_resources(client, f"device:{self.name}")
        client.close()
        if count > 1:
            hint = "give each one a name of its own with python -m nas.worker --device NAME"
            problem = f"{count} machines of {self.address} have this name"
            raise ConfigError(problem, field="device", value=self.name, hint=hint)
        return count == 1

    def measure_rows(self, rows: Iterable[ResolvedRow], calibration: Sequence[Detector], imgsz: int) -> None:
        """Measure rows that the device's table lacks, and calibrate the table. The table lies in the user's folder.

        Args:
            rows: Rows that the search needs.
            calibration: Detectors that are measured end-to-end for the calibration.
            imgsz: Image size in pixels.
        """
        self._measure(rows, calibration, (), imgsz)

    def measure_end_to_end(self, detectors: Sequence[Detector], sizes: Sequence[int]) -> list[Measurement]:
        """Measure detectors end-to-end.

        Args:
            detectors: The detectors.
            sizes: Image size of each, in pixels.
        """
        from nas.latency.models import Model

        pairs = zip(detectors, sizes, strict=True)
        models = [Model(str(number), "other", detector, size) for number, (detector, size) in enumerate(pairs)]
        found = self._measure((), (), models, sizes[0])
        assert found is not None  # there are models to measure
        by_name = {entry.model.name: entry.measured[0] for entry in found.models}
        return [by_name[model.name] for model in models]

    def _measure(
        self, rows: Iterable[ResolvedRow], calibration: Sequence[Detector], models: Sequence[Model], imgsz: int
    ) -> KitResults | None:
        """The results of a kit; None if there is nothing to measure."""
        from nas.latency.errors import NothingToMeasureError
        from nas.latency.kit import KitSpec, write_kit
        from nas.latency.kit_results import import_kit
        from nas.latency.runtimes.measure import MANIFEST, MODELS, RESULTS

        with tempfile.TemporaryDirectory() as folder:
            kit = Path(folder)
            try:
                write_kit(
                    kit,
                    KitSpec(self.name, self.runtime, self.threads, imgsz, tuple(rows), calibration, models, turns=1),
                )
            except NothingToMeasureError:
                return None
            files = {name: (kit / name).read_bytes() for name in (MANIFEST, MODELS, SCRIPT)}
            (kit / RESULTS).write_text(self._run_script(files), encoding="utf-8")
            found = import_kit(kit)
        if found.noise.too_much:
            self.link.say(f"warning: {self.name} was too noisy during the measurement: {found.noise}")
        return found

    def _run_script(self, files: dict[str, bytes]) -> str:
        """Run the script of a kit on the device; returns the content of its results."""
        client = connect(self.address, self.link)
        try:
            future = submit(client, f"device:{self.name}", _measure_on_worker, files)
            while not future.done():
                stop_if_asked()
                time.sleep(0.2)
            return str(future.result())
        finally:
            client.close()


def _measure_on_worker(files: dict[str, bytes]) -> str:
    """On the worker: run the script of a kit while nothing trains; returns the content of its results."""
    from nas.latency.runtimes.measure import RESULTS

    name, is_wanted = current_task()
    with measuring(is_wanted), tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            (Path(folder) / file).write_bytes(content)
        script = subprocess.Popen(
            [sys.executable, SCRIPT], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        while True:
            try:
                _, errors = script.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if not is_wanted():
                    script.kill()
        if script.returncode:
            lines = errors.strip().splitlines()
            raise TableError(f"worker {name}: {lines[-1] if lines else f'{SCRIPT} was killed'}")
        return (Path(folder) / RESULTS).read_text(encoding="utf-8")
