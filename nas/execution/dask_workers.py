"""Candidates scored on a Dask cluster."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from nas.detectors.rows import Detector
from nas.errors import InputError
from nas.execution.cluster.call import submit, task
from nas.execution.cluster.connection import UnreachableError, connect, distributed, labels
from nas.execution.cluster.link import Link
from nas.execution.job import Job, run
from nas.execution.local_workers import KilledError
from nas.execution.score import ExecutorError
from nas.proxies.base import Outcome, Proxy

if TYPE_CHECKING:
    from distributed import Client

FIRST = 60.0
"""Seconds for the first worker to join."""
PATIENCE = 600.0
"""Seconds that a scheduler, or the last worker, may be away before the search gives up."""
LOOK = 5.0
"""Seconds between two looks at whether there is a worker at all."""
RETRIES = 10
"""Schedulers that a job may lose."""


class Cluster:
    """Trainings on the workers (`nas.worker`) of the Dask scheduler at ``address``, each in a child process there.

    A job takes one ``label`` of a worker: ``train``, or ``GPU``. ``count`` jobs are given out at once, 0 for as many as
    there are labels now; the others wait here, so that none waits behind a busy worker. A worker that dies or vanishes
    has its jobs started again elsewhere, as often as Dask's ``allowed-failures`` says; jobs of a scheduler that is gone
    are given out again when it is back. Jobs are pure, so that what is scored twice is scored alike, and counts once.
    """

    def __init__(
        self,
        make: Callable[[], Proxy],
        count: int,
        threads: int,
        limit: float | None = None,
        *,
        address: str,
        link: Link | None = None,
        label: str = "train",
    ):
        """Raises InputError for a scheduler that cannot be reached, runs other software, or has no such worker."""
        self._make, self._threads, self._limit = make, threads, limit
        self._address, self._link, self._label = address, link or Link(), label
        self._id, self._ended = uuid.uuid4().hex, False
        self._lock, self._open = Lock(), set[Any]()
        self._crew: ThreadPoolExecutor | None = None
        self._client = connect(address, self._link)
        self.count = count or self._first()

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """As `nas.execution.executors.Executor.score`."""
        if self._crew is None:
            self._crew, self._ended = ThreadPoolExecutor(self.count, "pareto-yolo-job"), False
        job = Job(self._id, self._make, self._threads, self._limit, detector, seed, rung, scale)
        return self._crew.submit(self._one, job)

    def pause(self) -> None:
        """As `nas.execution.executors.Executor.pause`; the workers end what they do within a second."""
        if self._crew is not None:
            self._ended = True
            self._crew.shutdown(wait=False, cancel_futures=True)
            with self._lock:
                client, jobs = self._client, list(self._open)
            if client.status == "running":
                client.cancel(jobs, force=True)
            self._crew.shutdown()
            self._crew = None

    def close(self) -> None:
        """Leave the cluster."""
        self.pause()
        self._client.close()

    def _first(self) -> int:
        """How many labels there are, once there is one."""
        deadline = time.monotonic() + FIRST
        while not (found := labels(self._client, self._label)):
            if time.monotonic() > deadline:
                what = "a GPU" if self._label == "GPU" else "trainings"
                mend = f"start some with python -m nas.worker {self._address}"
                raise InputError(f"--workers {self._address}: no worker for {what} is there; {mend}")
            time.sleep(0.2)
        return found

    def _one(self, job: Job) -> Outcome:
        for _ in range(RETRIES):
            try:
                return self._give_out(self._connected(), job)
            except (CancelledError, distributed().client.ClosedClientError):
                if self._ended:
                    raise KilledError("the run has ended") from None
            except distributed().KilledWorker as error:
                count = error.allowed_failures + 1
                raise KilledError(f"{count} workers died, one after the other, while they scored it") from None
        raise ExecutorError(f"{self._address}: {RETRIES} schedulers were lost, one after the other")

    def _give_out(self, client: Client, job: Job) -> Outcome:
        """Have a job done; raises what became of it, and CancelledError where the scheduler was lost."""
        given = submit(client, self._label, _score, job)
        with self._lock:
            self._open.add(given)
        try:
            self._wait(client, given)
            outcome: Outcome = given.result()
            return outcome
        except OSError:
            if given.status == "error":
                raise  # scoring did
            raise CancelledError from None  # the scheduler did not answer
        finally:
            with self._lock:
                self._open.discard(given)

    def _wait(self, client: Client, given: Any) -> None:
        """Wait for a job to end; raises ExecutorError when there has been nobody to do it for too long."""
        done, alone_since = Event(), None
        given.add_done_callback(lambda _: done.set())
        while not done.wait(LOOK):
            if client.status != "running" or labels(client, self._label):
                alone_since = None
            elif alone_since is None:
                alone_since = time.monotonic()
                self._link.say(f"{self._address}: no worker is left; waiting for one")
            elif time.monotonic() - alone_since > PATIENCE:
                raise ExecutorError(f"{self._address}: no worker came back in {PATIENCE:g} seconds")

    def _connected(self) -> Client:
        """The client, once it is connected; the first job that finds it is not sees to it."""
        with self._lock:
            deadline, said = time.monotonic() + PATIENCE, False
            while self._client.status != "running":
                if self._ended:
                    raise KilledError("the run has ended")
                if not said:
                    self._link.say(f"{self._address}: the scheduler is gone; waiting for it")
                    said = True
                if time.monotonic() > deadline:
                    raise ExecutorError(f"{self._address}: the scheduler did not come back in {PATIENCE:g} seconds")
                if self._client.status == "closed":
                    with suppress(UnreachableError):
                        self._client = connect(self._address, self._link)
                time.sleep(0.2)
            if said:
                self._link.say(f"{self._address}: the scheduler is back; what was open is given out again")
            return self._client


def _score(job: Job) -> Outcome:
    """In a thread of a worker: run a job until it is done, or the scheduler wants it no longer."""
    name, wanted = task()
    try:
        return run(job, wanted)
    except InputError as error:
        raise InputError(f"worker {name}: {error}") from None
