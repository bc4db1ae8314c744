"""Progress of long work: a share done, and the reporter that shows it."""

from __future__ import annotations

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
