"""Candidates scored in child processes, several at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import torch

from nas.detectors import Detector
from nas.proxies import Outcome, Proxy

_proxy: Proxy


def _start(make: Callable[[], Proxy], threads: int) -> None:
    """In a child: Ctrl-C is the driver's to handle, and its proxy is made once."""
    global _proxy
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    _proxy = make()
    _proxy.prepare()


def _score(detector: Detector, seed: int) -> Outcome:
    return _proxy.score(detector, seed)


class Workers:
    """``count`` child processes of ``threads`` torch threads, each with a proxy of its own from ``make`` (picklable).

    Small networks keep one core busy and not two, so two processes of one thread train nearly twice as fast as one of
    two. Processes start with the first scores; `pause` ends them, so that nothing of ours runs while latency is
    measured. When one dies, what all were doing fails with that reason, and new ones start with the next score.
    """

    def __init__(self, make: Callable[[], Proxy], count: int, threads: int):
        self.count = count
        self._make, self._threads = make, threads
        self._pool: ProcessPoolExecutor | None = None

    def score(self, detector: Detector, seed: int) -> Future[Outcome]:
        """Have this scored as soon as a process is free."""
        if self._pool is not None:
            try:
                return self._pool.submit(_score, detector, seed)
            except BrokenProcessPool:
                self.pause()
        context = get_context("spawn")
        self._pool = ProcessPoolExecutor(self.count, context, _start, (self._make, self._threads))
        return self._pool.submit(_score, detector, seed)

    def pause(self) -> None:
        """End the child processes, whatever they are doing."""
        if self._pool is not None:
            children = list((self._pool._processes or {}).values())
            self._pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.kill()
            for child in children:
                child.join()
            self._pool = None
