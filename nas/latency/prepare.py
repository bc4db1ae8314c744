"""Rows made ready to be timed, many at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import torch

from nas.detectors.rows import ResolvedRow
from nas.interrupts import keep_from_children
from nas.latency.entries import build, ends, inputs
from nas.latency.runtimes.base import Prepared, Runtime
from nas.latency.runtimes.onnx_runtimes import OnnxFileRuntime, export
from nas.operators.user_operators import load_own

GROUP = 4
"""Batches whose rows are exported at once, before any of them is timed."""
MANY = 96
"""From so many rows on, starting a process a core is worth its seconds."""


def batches(runtime: Runtime, rows: Sequence[ResolvedRow], size: int) -> Generator[list[Prepared]]:
    """These rows prepared, in batches of a size, to be timed one batch after the other.

    Making them ready takes longer than timing, so the files of many rows are made by a process a core, and the sessions
    of a batch by a thread a core; all are idle again when it is given out.
    """
    if not isinstance(runtime, OnnxFileRuntime):
        for start in range(0, len(rows), size):
            yield [runtime.prepare_row(*build(row), ends(row)) for row in rows[start : start + size]]
        return
    cores = len(os.sched_getaffinity(0))
    with exporter(len(rows)) as make, ThreadPoolExecutor(cores) as pool:
        for start in range(0, len(rows), GROUP * size):
            group = rows[start : start + GROUP * size]
            files = make(group)
            for first in range(0, len(group), size):
                batch = group[first : first + size]
                data = list(map(inputs, batch)), list(map(ends, batch))
                yield list(pool.map(runtime.load, files[first : first + size], *data))


@contextmanager
def exporter(count: int) -> Iterator[Callable[[Sequence[ResolvedRow]], list[bytes]]]:
    """Makes the ONNX files of rows, by a process a core where ``count`` of them are to come and these are many."""
    if count < MANY:
        yield lambda rows: list(map(_export, rows))
        return
    pool = ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn"), _start)
    with keep_from_children():
        pool.submit(int)  # starts all of them
    try:
        yield lambda rows: list(pool.map(_export, rows))
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    """In a child: one thread is what exporting keeps busy."""
    torch.set_num_threads(1)
    load_own()


def _export(row: ResolvedRow) -> bytes:
    return export(*build(row))
