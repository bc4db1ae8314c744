"""Machine lock: training processes share it; a measurement holds it alone."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

POLL = 0.2
"""Seconds between two attempts to take a lock."""


def _always() -> bool:
    return True


@contextmanager
def training(is_wanted: Callable[[], bool] = _always) -> Iterator[None]:
    """No measurement runs on this machine inside the block.

    Waits for a measurement that runs or waits to run.

    Args:
        is_wanted: Returns False to stop waiting; the block then runs without the lock.
    """
    with ExitStack() as stack:
        with _file_lock("gate", fcntl.LOCK_EX, is_wanted):  # a waiting measurement holds the gate
            stack.enter_context(_file_lock("machine", fcntl.LOCK_SH, is_wanted))
        yield


@contextmanager
def measuring(is_wanted: Callable[[], bool] = _always) -> Iterator[None]:
    """No training and no other measurement runs on this machine inside the block.

    Waits for trainings that run; new trainings wait until the end of the block.

    Args:
        is_wanted: Returns False to stop waiting; the block then runs without the lock.
    """
    with _file_lock("gate", fcntl.LOCK_EX, is_wanted), _file_lock("machine", fcntl.LOCK_EX, is_wanted):
        yield


def _folder() -> Path:
    """One folder for each user of a machine."""
    return Path(tempfile.gettempdir()) / f"pareto-yolo-{os.getuid()}"


@contextmanager
def _file_lock(name: str, kind: int, is_wanted: Callable[[], bool]) -> Iterator[None]:
    """A lock that the system releases when the process ends."""
    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / name, "w") as file:
        while is_wanted():
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(POLL)
        yield
