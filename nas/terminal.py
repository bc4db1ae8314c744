"""The terminal: progress bars with an ETA, or plain lines where the output is a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from nas.progress import Progress as Share


class _Bars(Progress):
    """Progress bars with ``below`` under them."""

    below: RenderableType | None = None

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self.below is not None:
            yield self.below


class Terminal:
    """A `nas.progress.Reporter` that owns the console for the length of a command. Use it as a context manager."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(soft_wrap=True, highlight=False)
        self._bars = _Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[count]}"),
            TimeRemainingColumn(),
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
        """A bar that takes the share done; a log shows one line at its start."""
        if not self.console.is_terminal:
            self.say(f"{title} ...")
        with self.counter(title, 1, 0, "") as task:
            yield lambda share: self._bars.update(task, completed=share)

    @contextmanager
    def counter(self, title: str, total: int, done: int, count: str) -> Iterator[TaskID]:
        """A bar that counts; `count` moves it. ``count`` is the text beside it."""
        task = self._bars.add_task(title, total=float(total), completed=done, count=count)
        try:
            yield task
        finally:
            self._bars.below = None
            self._bars.remove_task(task)

    def count(self, task: TaskID, done: int, count: str, below: RenderableType | None = None) -> None:
        """Move a `counter`; ``below`` replaces what is drawn under the bars."""
        self._bars.below = below
        self._bars.update(task, completed=done, count=count)
