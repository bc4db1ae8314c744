"""Rows prepared to be timed, many at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import torch

from nas.detectors.rows import ResolvedRow
from nas.interrupts import keep_from_children
from nas.latency.modules import build, ends, inputs
from nas.latency.runtimes.base import Prepared, Runtime
from nas.latency.runtimes.onnx_runtimes import OnnxFileRuntime, export
from nas.operators.user_operators import load_own

GROUP = 4
"""Number of batches whose rows are exported before the first of them is timed."""
MANY = 96
"""Number of rows from which a process for each core is worth its start-up time."""


def batches(runtime: Runtime, rows: Sequence[ResolvedRow], size: int) -> Generator[list[Prepared]]:
    """Prepare rows in batches.

    Preparation takes longer than timing. So the files of many rows are exported by a process for each core, and the
    sessions of a batch are made by a thread for each core. All of them are idle while a batch is timed.

    Args:
        runtime: The runtime.
        rows: The rows.
        size: Rows in a batch.

    Yields:
        The prepared rows of a batch.
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
                arrays = [[x.numpy() for x in inputs(row)] for row in batch]
                yield list(pool.map(runtime.load, files[first : first + size], arrays, map(ends, batch)))


@contextmanager
def exporter(count: int) -> Iterator[Callable[[Sequence[ResolvedRow]], list[bytes]]]:
    """A function that exports rows to ONNX files.

    Args:
        count: Number of rows in total; if there are many, a process for each core exports them.
    """
    if count < MANY:
        yield lambda rows: list(map(_export, rows))
        return
    pool = ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn"), _start)
    with keep_from_children():
        pool.submit(int)  # starts all processes
    try:
        yield lambda rows: list(pool.map(_export, rows))
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    """In a child process: an export keeps one thread busy."""
    torch.set_num_threads(1)
    load_own()


def _export(row: ResolvedRow) -> bytes:
    return export(*build(row))
