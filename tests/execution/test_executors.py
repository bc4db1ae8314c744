"""Conformance suite of executors, for every engine that carries jobs.

An engine of your own: a file as `Files` below, a line in nas.execution.executors.EXECUTORS, a line in CASES.
"""

from __future__ import annotations

import importlib
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nas.config import SearchConfig
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError, DataError, InputError
from nas.execution.dask_workers import DaskWorkers
from nas.execution.errors import KilledError
from nas.execution.executors import EXECUTORS, Executor
from nas.execution.job import Job, run_job
from nas.execution.local_workers import LocalWorkers
from nas.execution.proxy_factory import ProxyFactory
from nas.proxies.base import Proxy
from nas.proxies.outcome import Outcome
from tests.execution.clusters import start_scheduler, start_worker
from tests.execution.test_local_workers import STUB

Make = Callable[..., Executor]

MORE = """

def refused():
    from nas.errors import InputError
    raise InputError("data.yaml: is not what the search has")
"""


class Files:
    """An engine in one file, as a queue system would be used: a file for each job, a process that takes it, a file with
    what became of it."""

    def __init__(self, make: Callable[[], Proxy], count: int, threads: int, limit: float | None, folder: Path):
        self.count, self._task, self._folder = count, (make, threads, limit), folder
        self._crew: ThreadPoolExecutor | None = None
        self._jobs: list[subprocess.Popen[bytes]] = []

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        self._crew = self._crew or ThreadPoolExecutor(self.count)
        return self._crew.submit(self._one, Job("files", *self._task, detector, seed, rung, scale))

    def pause(self) -> None:
        if self._crew is not None:
            self._crew.shutdown(wait=False, cancel_futures=True)
            for job in self._jobs:
                job.kill()
            self._crew.shutdown()
            self._crew = None

    def _one(self, job: Job) -> Outcome:
        file = self._folder / f"{id(job)}.job"
        file.write_bytes(pickle.dumps(job))
        process = subprocess.Popen([sys.executable, "-c", TAKE, str(file)])
        self._jobs.append(process)
        if process.wait() < 0:
            raise KilledError("its process died")
        kept = pickle.loads(file.with_suffix(".done").read_bytes())
        if isinstance(kept, Exception):
            raise kept
        outcome: Outcome = kept
        return outcome


TAKE = """
import pickle, sys
from pathlib import Path
from nas.execution.job import run_job

if __name__ == "__main__":
    file = Path(sys.argv[1])
    try:
        kept = run_job(pickle.loads(file.read_bytes()))
    except Exception as error:
        kept = error
    file.with_suffix(".done").write_bytes(pickle.dumps(kept))
"""


@dataclass
class Stage:
    """Makes executors of one engine, and ends them."""

    kind: str
    folder: Path
    address: str = ""
    made: list[Executor] = field(default_factory=list)

    def __call__(self, make: Callable[[], Any], count: int, limit: float | None = None) -> Executor:
        engines: dict[str, Callable[[], Executor]] = {
            "local": lambda: LocalWorkers(make, count, 1, limit),
            "dask": lambda: DaskWorkers(make, count, 1, limit, address=self.address),
            "files": lambda: Files(make, count, 1, limit, self.folder),
        }
        self.made.append(engines[self.kind]())
        return self.made[-1]


CASES = ("local", "dask", "files")


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module that workers import by name."""
    folder = tmp_path_factory.mktemp("stub")
    (folder / "stub_proxy_for_executors.py").write_text(STUB + MORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=":")
        yield importlib.import_module("stub_proxy_for_executors")


@pytest.fixture(scope="module")
def cluster(stub: ModuleType) -> Iterator[str]:
    """A scheduler with a worker of two slots on loopback."""
    with ExitStack() as stack:
        scheduler, address = start_scheduler()
        stack.callback(scheduler.kill)
        worker = start_worker(address, "--slots", "2")
        stack.callback(worker.kill)
        yield address


@pytest.fixture(params=CASES)
def stage(request: pytest.FixtureRequest, tmp_path: Path, stub: ModuleType) -> Iterator[Stage]:
    found = Stage(request.param, tmp_path)
    if request.param == "dask":
        found.address = request.getfixturevalue("cluster")
    yield found
    for executor in found.made:
        executor.pause()


def detector(nc: int) -> Detector:
    return TEMPLATES["yolov8n"].stock(nc)


def test_every_engine_is_tested() -> None:
    assert {"local" if not scheme else "dask" for scheme in EXECUTORS} < set(CASES)


def test_scores_are_those_of_the_proxy_itself(stage: Stage, stub: ModuleType) -> None:
    executor = stage(stub.make, 2)
    assert executor.count == 2
    wanted = [(detector(nc), seed) for nc, seed in ((1, 2), (3, 0), (1, 2), (4, 5))]
    futures = [executor.score(*job) for job in wanted]
    assert [future.result(300) for future in futures] == [stub.make().score(*job) for job in wanted]


def test_faults_come_through(stage: Stage, stub: ModuleType) -> None:
    executor = stage(stub.make, 2, 10.0)
    broken, dead, endless, fine = [executor.score(detector(nc), 0) for nc in (98, 99, 97, 5)]
    with pytest.raises(ValueError, match="the loss became nan"):
        broken.result(300)
    with pytest.raises(KilledError, match="its process died"):
        dead.result(300)
    with pytest.raises(KilledError, match="more than its time limit of 10 seconds"):
        endless.result(300)
    assert fine.result(300).score == 5


def test_a_proxy_that_cannot_be_made_is_no_candidates_fault(stage: Stage, stub: ModuleType) -> None:
    with pytest.raises(InputError, match=r"data.yaml: is not what the search has"):
        stage(stub.refused, 1).score(detector(5), 0).result(300)


def test_pause_ends_what_is_scored_and_the_next_score_starts_anew(stage: Stage, stub: ModuleType) -> None:
    executor = stage(stub.make, 1)
    endless = executor.score(detector(97), 0)
    time.sleep(1)
    assert not endless.done()
    executor.pause()
    assert endless.done()
    assert executor.score(detector(6), 0).result(300).score == 6


def test_workers_as_they_are_named() -> None:
    assert [SearchConfig(workers=text).worker_count for text in ("0", "3", "tcp://a:1", "8@tls://b:2")] == [
        (0, ""),
        (3, ""),
        (0, "tcp://a:1"),
        (8, "tls://b:2"),
    ]
    for text in ("", "x", "-1", "http://a:1"):
        with pytest.raises(ConfigError) as error:
            SearchConfig(workers=text)
        assert error.value.field == "workers"


def test_data_travel_by_path_and_hash(bccd: Path, tmp_path: Path) -> None:
    from nas.proxies.short import ShortTraining

    data = tmp_path / "bccd"
    shutil.copytree(bccd.parent, data)
    options = {"folder": tmp_path / "proxy", "device": "cpu"}
    scorer = ShortTraining(data / "data.yaml", **options)
    make = ProxyFactory.from_proxy(scorer, options, with_test_split=True)
    job = Job("run", make, 1, None, detector(3), 0)
    assert len(pickle.dumps(job)) < 20_000
    assert make().fingerprint == scorer.fingerprint
    label = next(path for path in sorted(data.rglob("*.txt")) if "train" in str(path) and path.stat().st_size)
    label.write_text("\n".join(label.read_text().splitlines()[1:]))
    with pytest.raises(DataError, match=r"its hash is \w+ here, but") as changed:
        make()
    assert changed.value.file == str(data / "data.yaml")
    assert scorer.dataset.fingerprint in changed.value.problem
    shutil.rmtree(data)
    with pytest.raises(DataError, match="does not exist") as missing:
        make()
    assert missing.value.hint == "the images must be at these paths on every machine"


def test_an_unwanted_job_is_ended(stub: ModuleType) -> None:
    began = time.monotonic()
    job = Job("unwanted", stub.make, 1, None, detector(97), 0)
    with pytest.raises(KilledError, match="nobody waits"):
        run_job(job, lambda: time.monotonic() < began + 3)
