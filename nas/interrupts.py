"""Ctrl-C as a request: work stops between two steps.

An interrupt that is raised at any instruction can be lost in a destructor. It can also leave a lock or a transaction of
a library open, and the following code then waits for it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

_asked = Event()


@contextmanager
def stoppable() -> Iterator[None]:
    """Make Ctrl-C a request inside the block: the next `stop_if_asked` raises KeyboardInterrupt.

    A second Ctrl-C raises it at once. If Ctrl-C is ignored, it stays ignored. Use it in the main thread only.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _ask)
    try:
        yield
        stop_if_asked()
    finally:
        signal.signal(signal.SIGINT, before)
        _asked.clear()


def stop_if_asked() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed. Long work calls it often."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _ask(number: int, frame: FrameType | None) -> None:
    if _asked.is_set():
        raise KeyboardInterrupt
    _asked.set()


@contextmanager
def keep_from_children() -> Iterator[None]:
    """Keep Ctrl-C from processes that start inside the block: they inherit that it is blocked, even while they import.

    In this process it waits until the end of the block.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
