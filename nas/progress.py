"""Progress of long work: a share done, the time left, and the reporter that shows them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Progress = Callable[[float], None]
"""Receives the share done, from 0 to 1."""


def silent(share: float) -> None:
    """Show nothing."""


def part(progress: Progress, start: float, length: float) -> Progress:
    """Progress of a part of the work.

    Args:
        progress: Progress of the whole.
        start: Where the part begins, as a share of the whole.
        length: The part's size, as a share of the whole.
    """
    return lambda share: progress(start + length * share)


class Reporter(Protocol):
    """Shows messages and progress to a person; `nas.terminal.Terminal` is the one of the command line."""

    def say(self, text: str) -> None:
        """Show one line."""

    def bar(self, title: str) -> AbstractContextManager[Progress]:
        """Show a progress bar until the end of the block."""


class TimeLeft:
    """Estimates the time left from the shares done so far.

    The first share counts as the start: a table that is continued begins with a part of its entries.

    Args:
        clock: Returns a time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._first: tuple[float, float] | None = None

    def __call__(self, share: float) -> float | None:
        """The time left in seconds after a share; None as long as it is unknown."""
        now = self._clock()
        if self._first is None or share < self._first[1]:
            self._first = now, share
        began, first = self._first
        return None if share <= first else (now - began) * (1 - share) / (share - first)


def duration(seconds: float) -> str:
    """A time for people: ``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if minutes < 90 else f"{hours} h {rest} min"


def time_left(seconds: float | None) -> str:
    """The time left in words; empty if it is unknown."""
    return "" if seconds is None else f"about {duration(seconds)} left"
