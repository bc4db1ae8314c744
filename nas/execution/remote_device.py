"""A device that a worker of a cluster is: what a search needs of its latency is measured there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.detectors.rows import Detector, ResolvedRow
from nas.errors import InputError
from nas.execution.cluster.call import submit, task
from nas.execution.cluster.connection import connect, labels
from nas.execution.cluster.link import Link
from nas.execution.machine_lock import alone
from nas.interrupts import stop_if_asked
from nas.latency.accuracy import Model
from nas.latency.kit import Unpacked, bundle, unpack
from nas.latency.runtimes.measure import MANIFEST, MODELS, RESULTS, Measurement

SCRIPT = "measure.py"


@dataclass(frozen=True)
class FarDevice:
    """The worker that is labelled ``device:NAME``. It measures a kit (`nas.latency.kit.bundle`), while nothing trains there:
    the same files and the same script that would be carried there by hand."""

    name: str
    runtime: str
    threads: int
    address: str
    link: Link

    def there(self) -> bool:
        """Whether such a worker is there; raises InputError where there are several, which no table could tell apart,
        or no scheduler."""
        client = connect(self.address, self.link)
        count = labels(client, f"device:{self.name}")
        client.close()
        if count > 1:
            mend = "give each a name of its own with python -m nas.worker --device"
            raise InputError(f"--device {self.name}: {count} machines of {self.address} are called so; {mend}")
        return count == 1

    def table(self, rows: Iterable[ResolvedRow], calibration: Sequence[Detector], imgsz: int) -> None:
        """Measure what the device's table in the user's folder lacks of these rows, and calibrate it."""
        self._measure(rows, calibration, (), imgsz)

    def wholes(self, detectors: Sequence[Detector], sizes: Sequence[int]) -> list[Measurement]:
        """Measure whole detectors, on images of these sizes."""
        models = [Model(str(n), "other", *of) for n, of in enumerate(zip(detectors, sizes, strict=True))]
        found = self._measure((), (), models, sizes[0])
        assert found is not None  # there are models to measure
        by_name = {entry.model.name: entry.measured[0] for entry in found.models}
        return [by_name[model.name] for model in models]

    def _measure(
        self, rows: Iterable[ResolvedRow], calibration: Sequence[Detector], models: Sequence[Model], imgsz: int
    ) -> Unpacked | None:
        """None where there is nothing to measure."""
        with tempfile.TemporaryDirectory() as folder:
            kit = Path(folder)
            try:
                bundle(kit, self.name, self.runtime, self.threads, rows, calibration, models, imgsz, turns=1)
            except InputError as error:
                if "there is nothing to measure" in str(error):
                    return None
                raise
            files = {name: (kit / name).read_bytes() for name in (MANIFEST, MODELS, SCRIPT)}
            (kit / RESULTS).write_text(self._done(files), encoding="utf-8")
            found = unpack(kit)
        if found.noise.too_much:
            self.link.say(f"warning: {self.name} was too noisy while it measured: {found.noise}")
        return found

    def _done(self, files: dict[str, bytes]) -> str:
        client = connect(self.address, self.link)
        try:
            given = submit(client, f"device:{self.name}", _measure, files)
            while not given.done():
                stop_if_asked()
                time.sleep(0.2)
            return str(given.result())
        finally:
            client.close()


def _measure(files: dict[str, bytes]) -> str:
    """On the worker: the results of a kit, measured alone on the machine."""
    name, wanted = task()
    with alone(wanted), tempfile.TemporaryDirectory() as folder:
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
                if not wanted():
                    script.kill()
        if script.returncode:
            lines = errors.strip().splitlines()
            raise InputError(f"worker {name}: {lines[-1] if lines else f'{SCRIPT} was killed'}")
        return (Path(folder) / RESULTS).read_text(encoding="utf-8")
