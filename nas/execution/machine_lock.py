"""Who may use a machine: many that train, or one that measures."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

POLL = 0.2


def _folder() -> Path:
    """One a machine and user, whatever process asks."""
    return Path(tempfile.gettempdir()) / f"pareto-yolo-{os.getuid()}"


@contextmanager
def shared(wanted: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """In here this machine measures nothing; waits until what is being measured is done, or no longer ``wanted``."""
    with ExitStack() as stack:
        with _held("gate", fcntl.LOCK_EX, wanted):  # whoever waits to measure holds it: no training gets ahead
            stack.enter_context(_held("machine", fcntl.LOCK_SH, wanted))
        yield


@contextmanager
def alone(wanted: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """In here no job trains on this machine; waits until those that do have ended."""
    with _held("gate", fcntl.LOCK_EX, wanted), _held("machine", fcntl.LOCK_EX, wanted):
        yield


@contextmanager
def _held(name: str, kind: int, wanted: Callable[[], bool]) -> Iterator[None]:
    """A file lock of this kind, which ends with its process. It is taken all the same when it is not ``wanted``."""
    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / name, "w") as file:
        while wanted():
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(POLL)
        yield
