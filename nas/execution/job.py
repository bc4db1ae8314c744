"""Job: the specification of one scoring, which any machine can run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from threading import Lock, Timer
from typing import TYPE_CHECKING

from nas.execution.errors import KilledError
from nas.execution.local_workers import LocalWorkers
from nas.execution.machine_lock import training
from nas.proxies.outcome import Outcome

if TYPE_CHECKING:
    from nas.detectors.rows import Detector
    from nas.proxies.base import Proxy

IDLE = 60.0
"""Seconds without a job after which a child process ends."""
POLL = 0.5
"""Seconds between two checks that a job is still wanted."""


@dataclass(frozen=True)
class Job:
    """Specification of one scoring.

    Attributes:
        run: Identifier of the run. Jobs of one run share a child process.
        make_proxy: Creates the proxy, such as `nas.execution.proxy_factory.ProxyFactory`.
        threads: Torch threads.
        limit: Seconds that a training may take; None means no limit.
        detector: The candidate.
        seed: Seed of the training.
        rung: See `nas.proxies.fidelity.with_fidelity`.
        scale: See `nas.proxies.fidelity.with_fidelity`.
    """

    run: str
    make_proxy: Callable[[], Proxy]
    threads: int
    limit: float | None
    detector: Detector
    seed: int
    rung: int = 1
    scale: float = 1.0


_lock = Lock()
_idle: dict[str, list[LocalWorkers]] = {}
"""By run, the child processes that wait for a job."""


def run_job(job: Job, is_wanted: Callable[[], bool] = lambda: True) -> Outcome:
    """Score the job's detector in a child process, while nothing is measured on this machine.

    Several threads may call it at once; each job then has a child process of its own.

    Args:
        job: The job.
        is_wanted: Returns False when nobody waits for the outcome any more; the child process is then killed.

    Raises:
        KilledError: The training was killed, or is not wanted any more.
        Exception: Any error of the training.
    """
    with training(is_wanted):
        child = _take_child(job)
        future = child.score(job.detector, job.seed, rung=job.rung, scale=job.scale)
        while not future.done():
            if not is_wanted():
                child.pause()
                raise KilledError("nobody waits for it any more")
            wait([future], timeout=POLL)
    _return_child(job.run, child)
    return future.result()


def _take_child(job: Job) -> LocalWorkers:
    with _lock:
        idle = _idle.get(job.run)
        return idle.pop() if idle else LocalWorkers(job.make_proxy, 1, job.threads, job.limit)


def _return_child(run: str, child: LocalWorkers) -> None:
    with _lock:
        _idle.setdefault(run, []).append(child)
    timer = Timer(IDLE, _end_idle_child, (run, child, child.scored))
    timer.daemon = True
    timer.start()


def _end_idle_child(run: str, child: LocalWorkers, scored: int) -> None:
    """End a child process that has had no job since ``scored`` jobs."""
    with _lock:
        idle = _idle.get(run, [])
        if child not in idle or child.scored != scored:
            return
        idle.remove(child)
        if not idle:
            del _idle[run]
    child.pause()
