"""Local workers: child processes of this machine, several at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from nas.errors import InputError
from nas.execution.errors import KilledError
from nas.interrupts import keep_from_children
from nas.proxies.outcome import Outcome
from nas.proxies.rungs import FACTOR

if TYPE_CHECKING:
    from nas.detectors.rows import Detector
    from nas.proxies.base import Proxy

_proxies: dict[tuple[int, float], Proxy] = {}
"""In a child process: the proxies by rung and scale."""
_errors: list[InputError] = []
"""In a child process: the error of creating the proxy."""


def _start_child(make_proxy: Callable[[], Proxy], threads: int, parent: int) -> None:
    """Initialize a child process: it ignores Ctrl-C, ends with its parent, and creates its proxy once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    import torch

    from nas.operators.user_operators import load_own

    torch.set_num_threads(threads)
    try:
        load_own()
        _proxies[1, 1.0] = make_proxy()
        _proxies[1, 1.0].prepare()
    except InputError as error:
        _errors.append(error)


def _end_with_parent(parent: int) -> None:
    """End this process when its parent is gone: a killed parent cannot stop its children."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _check_started() -> None:
    """Return in a child process as soon as it has started; raise the error of creating its proxy."""
    for error in _errors:
        raise error


def _score(detector: Detector, seed: int, rung: int, scale: float) -> Outcome:
    if (rung, scale) not in _proxies:
        from nas.proxies.fidelity import with_fidelity

        _proxies[rung, scale] = with_fidelity(_proxies[1, 1.0], rung, scale)
    return _proxies[rung, scale].score(detector, seed)


class LocalWorkers:
    """Executor on this machine: child processes that train one candidate each.

    A small network keeps one core busy, but not two: two processes of one thread train nearly twice as fast as one
    process of two threads. The processes start with the first `score`.

    Args:
        make_proxy: Creates the proxy in each child process; picklable.
        count: Number of child processes.
        threads: Torch threads of each.
        limit: Seconds that a training may take; None means no limit. A higher rung or larger images extend it in
            proportion. A training that takes longer is killed with its process; a new process takes the next one.
    """

    def __init__(self, make_proxy: Callable[[], Proxy], count: int, threads: int, limit: float | None = None):
        self.count = count
        self.scored = 0
        self._make_proxy, self._threads, self._limit = make_proxy, threads, limit
        self._pool: ThreadPoolExecutor | None = None
        self._children: list[_Child] = []
        self._free: SimpleQueue[_Child] = SimpleQueue()

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """See `nas.execution.executors.Executor.score`."""
        self.scored += 1
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.count)
            self._children = [_Child(self._make_proxy, self._threads, self._limit) for _ in range(self.count)]
            self._free = SimpleQueue()
            for child in self._children:
                self._free.put(child)
        return self._pool.submit(self._score_in_child, detector, seed, rung, scale)

    def pause(self) -> None:
        """See `nas.execution.executors.Executor.pause`."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for child in self._children:
                child.end()
            self._pool.shutdown()
            self._pool = None

    def _score_in_child(self, detector: Detector, seed: int, rung: int, scale: float) -> Outcome:
        child = self._free.get()
        try:
            return child.score(detector, seed, rung, scale)
        finally:
            self._free.put(child)


class _Child:
    """One child process. A dead one is replaced."""

    def __init__(self, make_proxy: Callable[[], Proxy], threads: int, limit: float | None):
        self._make_proxy, self._threads, self._limit = make_proxy, threads, limit
        self._pool: ProcessPoolExecutor | None = None
        self._ended, self._lock = False, Lock()

    def score(self, detector: Detector, seed: int, rung: int, scale: float) -> Outcome:
        pool, limit = self._started_pool(), self._limit and self._limit * FACTOR ** (rung - 1) * scale**2
        try:
            return pool.submit(_score, detector, seed, rung, scale).result(limit)
        except TimeoutError:
            self._kill()
            raise KilledError(f"took more than its time limit of {limit:g} seconds") from None
        except BrokenProcessPool:
            self._kill()
            raise KilledError("its process died, of memory running out or killed from outside") from None

    def end(self) -> None:
        with self._lock:
            self._ended = True
        self._kill()

    def _started_pool(self) -> ProcessPoolExecutor:
        """The process, once it has started. Its start does not count as a candidate's time."""
        with self._lock:
            if self._ended:
                raise KilledError("the run has ended")
            try:
                pool, started = self._pool_with_process()
            except BrokenProcessPool:  # the process died while it was idle
                self._kill()
                pool, started = self._pool_with_process()
        try:
            started.result()
        except BrokenProcessPool:
            self._kill()
            raise KilledError("its process did not start") from None
        return pool

    def _pool_with_process(self) -> tuple[ProcessPoolExecutor, Future[None]]:
        """The pool of one process, created if there is none, and a future that ends when the process has started."""
        if self._pool is None:
            context = get_context("spawn")
            initial = (self._make_proxy, self._threads, os.getpid())
            self._pool = ProcessPoolExecutor(1, context, _start_child, initial)
        with keep_from_children():
            return self._pool, self._pool.submit(_check_started)

    def _kill(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())  # Python 3.14 has ProcessPoolExecutor.kill_workers
            for process in processes:
                process.kill()
            pool.shutdown(cancel_futures=True)
            for process in processes:
                process.join()
