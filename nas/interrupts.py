"""Ctrl-C as a request: work ends between two steps, and not in the middle of one.

An interrupt that is raised wherever the interpreter happens to be can be lost in a destructor, or leave a lock or a
transaction of a library open on which what follows then waits.
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
    """In here Ctrl-C makes the next `stop_if_asked` raise KeyboardInterrupt; a second one raises it at once. Nothing
    changes where Ctrl-C is ignored. In the main thread only."""
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
    """Raise KeyboardInterrupt if Ctrl-C was pressed. Whatever takes long calls it often."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _ask(number: int, frame: FrameType | None) -> None:
    if _asked.is_set():
        raise KeyboardInterrupt
    _asked.set()


@contextmanager
def for_parent_alone() -> Iterator[None]:
    """Processes that start in here do not get it, not even while they import: they inherit that it is blocked. Here it
    waits until the end."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
