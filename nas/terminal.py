"""The terminal: progress bars with the time left, or plain lines where the output is a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from nas.progress import Progress as Share
from nas.progress import TimeLeft, time_left

LOG_SECONDS = 30.0
"""Seconds between two lines of progress in a log."""


class _Bars(Progress):
    """Progress bars with ``below`` under them."""

    below: RenderableType | None = None

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self.below is not None:
            yield self.below


class Terminal:
    """A `nas.progress.Reporter` that owns the console for the length of a command. Use it as a context manager.

    Args:
        console: The console; by default standard output.
        clock: Returns a time in seconds.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic):
        self.console = console or Console(soft_wrap=True, highlight=False)
        self._clock = clock
        self._logged = clock()
        self._bars = _Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """Print one plain line."""
        self.console.print(text, markup=False)

    def show(self, renderable: RenderableType) -> None:
        """Print a table or another object of rich."""
        self.console.print(renderable)

    @contextmanager
    def bar(self, title: str) -> Iterator[Share]:
        """A bar that takes the share done. A log shows a line at its start, and one every `LOG_SECONDS`."""
        if not self.console.is_terminal:
            self.say(f"{title} ...")
        self._logged, estimate = self._clock(), TimeLeft(self._clock)
        with self.counter(title, 1, 0, "") as task:

            def show(share: float) -> None:
                left = time_left(estimate(share)) if share < 1 else ""
                self._bars.update(task, completed=share, note=left)
                self.log(f"{title}: {share:.0%}{left and f', {left}'}")

            yield show

    @contextmanager
    def counter(self, title: str, total: int, done: int, note: str) -> Iterator[TaskID]:
        """A bar that counts; `count` moves it. ``note`` is the text beside it."""
        self._logged = self._clock()
        task = self._bars.add_task(title, total=float(total), completed=done, note=note)
        try:
            yield task
        finally:
            self._bars.below = None
            self._bars.remove_task(task)

    def count(self, task: TaskID, done: int, note: str, below: RenderableType | None = None) -> None:
        """Move a `counter`; ``below`` replaces what is drawn under the bars."""
        self._bars.below = below
        self._bars.update(task, completed=done, note=note)

    def log(self, line: str) -> None:
        """Print a line of progress in a log, unless one was printed less than `LOG_SECONDS` ago."""
        if not self.console.is_terminal and self._clock() - self._logged >= LOG_SECONDS:
            self._logged = self._clock()
            self.say(line)
