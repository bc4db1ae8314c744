"""Dask workers: machines of a cluster that score candidates."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError, InputError
from nas.execution.cluster.call import current_task, submit
from nas.execution.cluster.connection import UnreachableError, connect, count_resources, import_distributed
from nas.execution.cluster.link import Link
from nas.execution.errors import ExecutorError, KilledError
from nas.execution.job import Job, run_job
from nas.proxies.outcome import Outcome

if TYPE_CHECKING:
    from distributed import Client

    from nas.detectors.rows import Detector
    from nas.proxies.base import Proxy

JOIN_TIMEOUT = 60.0
"""Seconds to wait for the first worker."""
PATIENCE = 600.0
"""Seconds to wait for a lost scheduler, or for a worker when none is left, before the search fails."""
CHECK_INTERVAL = 5.0
"""Seconds between two checks that there is a worker at all."""
RETRIES = 10
"""Schedulers that a job may lose."""


class DaskWorkers:
    """Executor on the workers (`nas.worker`) of a Dask scheduler. Each job runs in a child process there.

    Jobs that exceed ``count`` wait here, so that none waits behind a busy worker while another one is free. Dask
    restarts the jobs of a worker that dies, as often as its setting ``allowed-failures`` says. After the loss of a
    scheduler, open jobs are submitted again. A job that runs twice gives the same outcome twice, and counts once.

    Args:
        make_proxy: Creates the proxy on the workers; picklable.
        count: Jobs submitted at once; 0 means as many as the workers take now.
        threads: Torch threads of each training.
        limit: Seconds that a training may take; None means no limit.
        address: Address of the scheduler.
        link: TLS files, and the function that receives messages.
        label: Dask resource that a job takes: ``train``, or ``GPU``.

    Raises:
        UnreachableError: The scheduler does not answer.
        ConfigError: The cluster runs other software, or no worker offers the resource.
    """

    def __init__(
        self,
        make_proxy: Callable[[], Proxy],
        count: int,
        threads: int,
        limit: float | None = None,
        *,
        address: str,
        link: Link | None = None,
        label: str = "train",
    ):
        self._make_proxy, self._threads, self._limit = make_proxy, threads, limit
        self._address, self._link, self._label = address, link or Link(), label
        self._run, self._ended = uuid.uuid4().hex, False
        self._lock, self._open = Lock(), set[Any]()
        self._pool: ThreadPoolExecutor | None = None
        self._client = connect(address, self._link)
        self.count = count or self._wait_for_workers()

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """See `nas.execution.executors.Executor.score`."""
        if self._pool is None:
            self._pool, self._ended = ThreadPoolExecutor(self.count, "pareto-yolo-job"), False
        job = Job(self._run, self._make_proxy, self._threads, self._limit, detector, seed, rung, scale)
        return self._pool.submit(self._score, job)

    def pause(self) -> None:
        """See `nas.execution.executors.Executor.pause`; the workers end their trainings within a second."""
        if self._pool is not None:
            self._ended = True
            self._pool.shutdown(wait=False, cancel_futures=True)
            with self._lock:
                client, jobs = self._client, list(self._open)
            if client.status == "running":
                client.cancel(jobs, force=True)
            self._pool.shutdown()
            self._pool = None

    def close(self) -> None:
        """Disconnect from the cluster."""
        self.pause()
        self._client.close()

    def _wait_for_workers(self) -> int:
        """The number of jobs that the workers take at once, as soon as there is a worker."""
        deadline = time.monotonic() + JOIN_TIMEOUT
        while not (found := count_resources(self._client, self._label)):
            if time.monotonic() > deadline:
                problem = "has no worker with a GPU" if self._label == "GPU" else "has no worker for trainings"
                hint = f"start one with python -m nas.worker {self._address}"
                raise ConfigError(problem, field="workers", value=self._address, hint=hint)
            time.sleep(0.2)
        return found

    def _score(self, job: Job) -> Outcome:
        for _ in range(RETRIES):
            try:
                return self._score_on_cluster(self._connected_client(), job)
            except (CancelledError, import_distributed().client.ClosedClientError):
                if self._ended:
                    raise KilledError("the run has ended") from None
            except import_distributed().KilledWorker as error:
                count = error.allowed_failures + 1
                raise KilledError(f"{count} workers died in a row while they scored it") from None
        raise ExecutorError(f"{self._address}: lost {RETRIES} schedulers in a row")

    def _score_on_cluster(self, client: Client, job: Job) -> Outcome:
        """The outcome of a job, or its error; CancelledError if the scheduler was lost."""
        future = submit(client, self._label, _score_on_worker, job)
        with self._lock:
            self._open.add(future)
        try:
            self._wait(client, future)
            outcome: Outcome = future.result()
            return outcome
        except OSError:
            if future.status == "error":
                raise  # an error of the training
            raise CancelledError from None  # the scheduler did not answer
        finally:
            with self._lock:
                self._open.discard(future)

    def _wait(self, client: Client, future: Any) -> None:
        """Wait until a job has ended.

        Raises:
            ExecutorError: There has been no worker for too long.
        """
        done, no_worker_since = Event(), None
        future.add_done_callback(lambda _: done.set())
        while not done.wait(CHECK_INTERVAL):
            if client.status != "running" or count_resources(client, self._label):
                no_worker_since = None
            elif no_worker_since is None:
                no_worker_since = time.monotonic()
                self._link.say(f"{self._address}: no worker is left; waiting for one")
            elif time.monotonic() - no_worker_since > PATIENCE:
                raise ExecutorError(f"{self._address}: no worker came back in {PATIENCE:g} seconds")

    def _connected_client(self) -> Client:
        """The client, once it is connected. The first job that finds it disconnected reconnects it."""
        with self._lock:
            deadline, lost = time.monotonic() + PATIENCE, False
            while self._client.status != "running":
                if self._ended:
                    raise KilledError("the run has ended")
                if not lost:
                    self._link.say(f"{self._address}: the scheduler is gone; waiting for it")
                    lost = True
                if time.monotonic() > deadline:
                    raise ExecutorError(f"{self._address}: the scheduler did not come back in {PATIENCE:g} seconds")
                if self._client.status == "closed":
                    with suppress(UnreachableError):
                        self._client = connect(self._address, self._link)
                time.sleep(0.2)
            if lost:
                self._link.say(f"{self._address}: the scheduler is back; open jobs are submitted again")
            return self._client


def _score_on_worker(job: Job) -> Outcome:
    """In a thread of a worker: run a job until it is done, or the scheduler does not want it any more."""
    name, is_wanted = current_task()
    try:
        return run_job(job, is_wanted)
    except InputError as error:
        raise type(error)(f"worker {name}: {error}") from None
