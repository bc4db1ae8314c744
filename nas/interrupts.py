"""Ctrl-C, which a terminal sends to every process in it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def for_parent_alone() -> Iterator[None]:
    """Processes that start in here do not get it, not even while they import: they inherit that it is blocked. Here it
    waits until the end."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
