"""Candidates scored in child processes, several at once."""

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

import torch

from nas.detectors.rows import Detector
from nas.errors import InputError
from nas.interrupts import for_parent_alone
from nas.operators.user_operators import load_own
from nas.proxies.base import Outcome, Proxy
from nas.proxies.rungs import FACTOR, at

_proxies: dict[tuple[int, float], Proxy] = {}
"""In a child: its proxy, by rung and scale."""
_refused: list[InputError] = []
"""In a child: why there is none."""


class KilledError(Exception):
    """A candidate whose process was killed, by its time limit or by the system; the message says which."""


def _start(make: Callable[[], Proxy], threads: int, driver: int) -> None:
    """In a child: Ctrl-C is the driver's to handle, its proxy is made once, and it does not outlive the driver."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow, args=(driver,), daemon=True).start()
    torch.set_num_threads(threads)
    try:
        load_own()
        _proxies[1, 1.0] = make()
        _proxies[1, 1.0].prepare()
    except InputError as error:
        _refused.append(error)


def _follow(driver: int) -> None:
    """End this process when the driver is gone: killed, it cannot say so, and nobody would take what is scored."""
    while os.getppid() == driver:
        time.sleep(1)
    os._exit(1)


def _ready() -> None:
    """What a child can answer once it has started; raises what its proxy was refused for."""
    for error in _refused:
        raise error


def _score(detector: Detector, seed: int, rung: int, scale: float) -> Outcome:
    if (rung, scale) not in _proxies:
        _proxies[rung, scale] = at(_proxies[1, 1.0], rung, scale)
    return _proxies[rung, scale].score(detector, seed)


class Workers:
    """``count`` child processes of ``threads`` torch threads, each with a proxy of its own from ``make`` (picklable).

    Small networks keep one core busy and not two, so two processes of one thread train nearly twice as fast as one of
    two. Processes start with the first scores; `pause` ends them, so that nothing of ours runs while latency is
    measured. A candidate that takes more than ``limit`` seconds, or on a higher rung or on larger images as many times
    more as that takes, is killed with its process, alone, and so is one that takes its process with it; a new process
    takes the next.
    """

    def __init__(self, make: Callable[[], Proxy], count: int, threads: int, limit: float | None = None):
        self.count = count
        self.scored = 0
        self._make, self._threads, self._limit = make, threads, limit
        self._crew: ThreadPoolExecutor | None = None
        self._children: list[_Child] = []
        self._free: SimpleQueue[_Child] = SimpleQueue()

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """Have this scored (`nas.proxies.at` a rung and scale) as soon as a process is free; the future raises what
        scoring it raised, KilledError, or the InputError that making its proxy raised."""
        self.scored += 1
        if self._crew is None:
            self._crew = ThreadPoolExecutor(self.count)
            self._children = [_Child(self._make, self._threads, self._limit) for _ in range(self.count)]
            self._free = SimpleQueue()
            for child in self._children:
                self._free.put(child)
        return self._crew.submit(self._one, detector, seed, rung, scale)

    def pause(self) -> None:
        """End the child processes, whatever they are doing."""
        if self._crew is not None:
            self._crew.shutdown(wait=False, cancel_futures=True)
            for child in self._children:
                child.end()
            self._crew.shutdown()
            self._crew = None

    def _one(self, detector: Detector, seed: int, rung: int, scale: float) -> Outcome:
        child = self._free.get()
        try:
            return child.score(detector, seed, rung, scale)
        finally:
            self._free.put(child)


class _Child:
    """One process, replaced when it is gone."""

    def __init__(self, make: Callable[[], Proxy], threads: int, limit: float | None):
        self._make, self._threads, self._limit = make, threads, limit
        self._pool: ProcessPoolExecutor | None = None
        self._ended, self._lock = False, Lock()

    def score(self, detector: Detector, seed: int, rung: int, scale: float) -> Outcome:
        pool, limit = self._started(), self._limit and self._limit * FACTOR ** (rung - 1) * scale**2
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

    def _started(self) -> ProcessPoolExecutor:
        """The process, ready: what starting takes does not count as a candidate's time."""
        with self._lock:
            if self._ended:
                raise KilledError("the run has ended")
            try:
                pool, ready = self._pool_with_process()
            except BrokenProcessPool:  # it died while it had nothing to do
                self._kill()
                pool, ready = self._pool_with_process()
        try:
            ready.result()
        except BrokenProcessPool:
            self._kill()
            raise KilledError("the process that was to score it did not start") from None
        return pool

    def _pool_with_process(self) -> tuple[ProcessPoolExecutor, Future[None]]:
        """What holds the process, started where there is none, and its answer that it has."""
        if self._pool is None:
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, _start, (self._make, self._threads, os.getpid()))
        with for_parent_alone():
            return self._pool, self._pool.submit(_ready)

    def _kill(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())
            for process in processes:
                process.kill()
            pool.shutdown(cancel_futures=True)
            for process in processes:
                process.join()
