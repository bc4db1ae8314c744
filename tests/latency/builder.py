"""Builds tables in processes that a test may kill; run as a script, and `Builder` drives it.

It imports torch once, and computes once what each row costs on the fake runtime. Each line in, a list of jobs, forks a
process a job: as good as a fresh one, but there at once. Each line out is one event: [job, what, ...].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SLOWNESS, SLOW_BATCHES = 1.4, 3
SIZE = 64


class Builder:
    """The script in a process, seen from a test."""

    def __init__(self) -> None:
        command = [sys.executable, "-u", __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def start(self, *jobs: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(jobs).encode() + b"\n")

    def event(self) -> list[Any]:
        """The next; waits for it."""
        assert self.process.stdout is not None
        found: list[Any] = json.loads(self.process.stdout.readline())
        return found

    def close(self) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait()


def main() -> None:
    import torch

    from nas.latency.entries import Part

    # One thread, or a forked process would wait for threads that it does not have.
    torch.set_num_threads(1)
    stock, rows = _space()
    _seconds((stock, SIZE))
    for part in map(Part.of, rows):
        for key in part.needs():
            _seconds(part.at(key.depth))
    for line in sys.stdin:
        jobs = json.loads(line)
        running = {_fork(index, job): index for index, job in enumerate(jobs)}
        while running:
            pid, status = os.wait()
            _tell(running.pop(pid), "exit", os.waitstatus_to_exitcode(status))


def _fork(index: int, job: dict[str, Any]) -> int:
    if pid := os.fork():
        return pid
    code = 1
    try:
        _tell(index, "started", os.getpid())
        _build(partial(_tell, index), **job)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def _tell(*event: Any) -> None:
    os.write(1, json.dumps(event).encode() + b"\n")  # one write, so that events of several processes do not mix


def _build(
    tell: Callable[..., None], path: str, rows: str, pause: float = 0.0, slow: bool = False, early: int = 256
) -> None:
    """The work of ``python -m nas.latency build``: the rows, then the calibration. A stopped build continues.

    At every step it sleeps for ``pause`` seconds, so that a kill at a random moment hits any of them.
    """
    import nas.latency.builder as module
    import nas.latency.modules
    import nas.latency.prepared_rows
    from nas.latency.opening import builder_for

    module.BATCH, module.EARLY = 2, early
    # `_runtime` knows what costs what, and nothing is made.
    nas.latency.prepared_rows.build = lambda row: (row, [])  # type: ignore[assignment,return-value]
    nas.latency.modules.end_to_end = lambda detector, imgsz: ((detector, imgsz), [])  # type: ignore[assignment,return-value]
    _slow_files(pause, tell)
    runtime = _runtime(pause, slow, tell)
    table = builder_for(runtime, Path(path))
    stock, wanted = ROWS[rows]()
    # Slow until a few batches are there, if there is nothing yet.
    runtime.slowness = SLOWNESS if slow and not len(table.table) else 1.0
    batches = iter(range(1, 1000))

    def saved(share: float) -> None:
        tell("saved", len(table.table), table.table.header.reference_ms)
        if next(batches) == SLOW_BATCHES:
            runtime.slowness = 1.0

    table.ensure(wanted, saved)
    tell("measured")
    table.calibrate([stock], SIZE)


@cache
def _space() -> tuple[Any, Sequence[Any]]:
    from nas.detectors.templates import TEMPLATES
    from nas.spaces.space import load_space

    return TEMPLATES["yolov8n"].stock(2), list(load_space("tiny").rows(2, SIZE))


def _stock() -> tuple[Any, Sequence[Any]]:
    stock, _ = _space()
    return stock, list(stock.resolve(SIZE))


def _backwards() -> tuple[Any, Sequence[Any]]:
    stock, rows = _stock()
    return stock, rows[::-1]


ROWS: dict[str, Callable[[], tuple[Any, Sequence[Any]]]] = {"space": _space, "stock": _stock, "backwards": _backwards}
"""By name, a detector to calibrate on and the rows to measure."""


@cache
def _seconds(of: Any) -> float:
    """Latency of a row, or of a detector and its image size, on the fake runtime."""
    from nas.detectors.rows import ResolvedRow
    from nas.latency.modules import build, end_to_end
    from nas.latency.runtimes.registry import choose

    return choose("fake").prepare(*(build(of) if isinstance(of, ResolvedRow) else end_to_end(*of))).seconds()


def _runtime(pause: float, slow: bool, tell: Callable[..., None]) -> Any:
    """The fake runtime; where ``slow``, on a clock of its own that a slowness stretches."""
    from torch.nn import Module

    from nas.latency.runtimes import measure
    from nas.latency.runtimes.fake import FakeRuntime

    class Clocked(FakeRuntime):
        timed = slow
        slowness, now = 1.0, 0.0

        def prepare(self, module: Any, inputs: Any) -> Any:
            tell("preparing", time.monotonic())
            time.sleep(pause)
            cost = super().prepare(module, inputs).seconds() if isinstance(module, Module) else _seconds(module)

            def seconds() -> float:
                taken = cost * self.slowness
                self.now += taken
                return taken

            return SimpleNamespace(seconds=seconds)

    runtime = Clocked()
    if slow:
        measure.time = SimpleNamespace(perf_counter=lambda: runtime.now)  # type: ignore[attr-defined]
    return runtime


def _slow_files(pause: float, tell: Callable[..., None]) -> None:
    """Sleep in the middle of writing a file, and round its taking the place of the old one."""
    import nas.files

    def write_text(path: Path, text: str, encoding: str) -> None:
        with path.open("w", encoding=encoding) as file:
            for part in (text[: len(text) // 2], text[len(text) // 2 :]):
                file.write(part)
                file.flush()
                time.sleep(pause)

    def replace(old: Path, new: Path) -> None:
        tell("replacing", new.name)
        time.sleep(pause)
        os.replace(old, new)
        time.sleep(pause)

    nas.files.Path.write_text = write_text  # type: ignore[method-assign,assignment]
    nas.files.os = SimpleNamespace(replace=replace, getpid=os.getpid, fsync=os.fsync)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
