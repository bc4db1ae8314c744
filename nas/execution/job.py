"""A candidate as a job: a specification in, an outcome out, on whatever machine it is run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass
from threading import Lock, Timer

from nas.detectors.rows import Detector
from nas.execution.local_workers import KilledError, Workers
from nas.execution.machine_lock import shared
from nas.proxies.base import Outcome, Proxy

IDLE = 60.0
"""Seconds after which the child process of a finished job is ended, unless the next one came."""
POLL = 0.5
"""Seconds between two looks at whether a job is still wanted."""


@dataclass(frozen=True)
class Job:
    """What a machine has to know to score one detector: everything but the data, which `make` finds there by its path
    (`ByPath`). Jobs of one ``run`` share a child process; the other fields are those of `Workers` and `Score`."""

    run: str
    make: Callable[[], Proxy]
    threads: int
    limit: float | None
    detector: Detector
    seed: int
    rung: int = 1
    scale: float = 1.0


_lock = Lock()
_free: dict[str, list[Workers]] = {}
"""Child processes that wait for the next job of their run."""


def run(job: Job, wanted: Callable[[], bool] = lambda: True) -> Outcome:
    """Score the job's detector in a killable child process of this one, while nothing is measured on this machine.

    Raises what scoring raised, and KilledError as `Workers` does; also when it is no longer ``wanted``, which ends the
    child. May be called by several threads at once: each job then has a child of its own.
    """
    with shared(wanted):
        child = _take(job)
        future = child.score(job.detector, job.seed, rung=job.rung, scale=job.scale)
        while not future.done():
            if not wanted():
                child.pause()
                raise KilledError("nobody waits for it any more")
            wait([future], timeout=POLL)
    _give_back(job.run, child)
    return future.result()


def _take(job: Job) -> Workers:
    with _lock:
        waiting = _free.get(job.run)
        return waiting.pop() if waiting else Workers(job.make, 1, job.threads, job.limit)


def _give_back(run: str, child: Workers) -> None:
    with _lock:
        _free.setdefault(run, []).append(child)
    timer = Timer(IDLE, _end, (run, child, child.scored))
    timer.daemon = True
    timer.start()


def _end(run: str, child: Workers, scored: int) -> None:
    """End a child that has had nothing to do since."""
    with _lock:
        waiting = _free.get(run, [])
        if child not in waiting or child.scored != scored:
            return
        waiting.remove(child)
        if not waiting:
            del _free[run]
    child.pause()
