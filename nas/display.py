"""What a person sees while a search runs: bars with an ETA on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from rich.box import SIMPLE
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from nas.objectives.costs import COSTS, LATENCY, readable
from nas.objectives.limits import Limits
from nas.objectives.pareto import pareto
from nas.runs.finalists import Finalist
from nas.runs.trials import Record

Update = Callable[[float], None]


class Bars(Progress):
    """Bars, and below them the front as it stands."""

    front: Sequence[Record] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        """What is drawn."""
        yield from super().get_renderables()
        if self.front:
            table = Table("trial", "score", "predicted ms", "params", "front so far", box=SIMPLE)
            for row in self.front:
                shown = (
                    f"{row.number}",
                    f"{row.score:.4f}",
                    f"{row.latency_ms:.2f}",
                    f"{(row.params or 0) / 1e6:.2f} M",
                )
                table.add_row(*shown, row.arch)
            yield table


class Display:
    """Owns the console for the length of a command."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(soft_wrap=True, highlight=False)
        self.progress = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[count]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> Display:
        self.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.progress.stop()

    def say(self, text: str) -> None:
        """One plain line."""
        self.console.print(text, markup=False)

    def show(self, table: Table) -> None:
        """A table."""
        self.console.print(table)

    @contextmanager
    def bar(self, title: str) -> Iterator[Update]:
        """A bar that takes the share done; in a log, a line at its start."""
        if not self.console.is_terminal:
            self.say(f"{title} ...")
        task = self.progress.add_task(title, total=1.0, count="")
        try:
            yield lambda share: self.progress.update(task, completed=share)
        finally:
            self.progress.remove_task(task)

    @contextmanager
    def trials(self, budget: int, done: Sequence[Record], minimised: Sequence[str] = LATENCY) -> Iterator[Trials]:
        """A bar of trained candidates, a line a trial, and on a terminal the front so far; ``done`` are the records of
        the run before, ``minimised`` as in `Target`."""
        trained = [row for row in done if row.state == "trained"]
        count = f"{len(trained)}/{budget}"
        task = self.progress.add_task("search", total=float(budget), completed=len(trained), count=count)
        try:
            yield Trials(self, task, budget, trained, minimised)
        finally:
            self.progress.front = ()
            self.progress.remove_task(task)


class Trials:
    """Tells of trials as they end."""

    def __init__(self, display: Display, task: TaskID, budget: int, trained: list[Record], minimised: Sequence[str]):
        self._display, self._task, self._budget, self._trained = display, task, budget, trained
        self._minimised = minimised

    def told(self, record: Record) -> None:
        """One line for a trial that has ended, marked where it is on the front."""
        bars = self._display.progress
        if record.state == "trained":
            self._trained.append(record)
            points = [row.point(self._minimised) for row in self._trained]
            bars.front = [self._trained[index] for index in pareto(points)]
        count = len(self._trained)
        bars.update(self._task, completed=count, count=f"{count}/{self._budget}")
        mark = "*" if record in bars.front else " "
        score = "  -   " if record.score is None else f"{record.score:.4f}"
        reason = f"  ({record.reason})" if record.reason else ""
        self._display.say(
            f"{record.number:4d}{mark} {record.state:<9} {score} {record.latency_ms:7.2f} ms  {record.arch}{reason}"
        )


def result_table(
    front: Sequence[Finalist],
    stock: Finalist,
    unit: str,
    unmeasured: str = "",
    minimised: Sequence[str] = LATENCY,
    sizes: Sequence[int] = (),
) -> Table:
    """The front and the stock model, predicted latency against measured, and what else is ``minimised`` (`Target`), or
    parameters and MACs; in place of parameters the image size where there are several ``sizes``; ``unit`` is that of
    the scores, ``unmeasured`` says why none was measured."""
    several = len(sizes) > 1
    costs = minimised[1:] or (("macs",) if several else ("params", "macs"))
    title = f"Pareto front, {unmeasured or 'measured whole on the device'}"
    shown = Table(title=title, box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))  # fits into 80 columns
    figures = ("measured\nms", "predicted\nms", "error", *(COSTS[name].heading for name in costs))
    for heading in ("model", *(("px",) if several else ()), unit.replace(" ", "\n", 1), *figures):
        shown.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for finalist in front if stock in front else [*front, stock]:
        measured = finalist.latency_ms is not None
        shown.add_row(
            f"{finalist.name} (stock)" if finalist.stock and finalist in front else finalist.name,
            *((f"{finalist.imgsz}",) if several else ()),
            f"{finalist.score:.4f}",
            f"{finalist.latency_ms:.2f} ± {finalist.latency_spread_ms:.2f}" if measured else "-",
            f"{finalist.latency_predicted_ms:.2f}",
            f"{finalist.error:+.1%}" if measured else "-",
            *(readable(name, finalist.costs[name]) for name in costs),
            style="bold" if finalist.stock else None,
        )
    return shown


def promises(front: Sequence[Finalist], limits: Limits) -> str:
    """What can be said of the limits and of the table, from what was measured."""
    errors = [abs(finalist.error) for finalist in front if finalist.error is not None]
    if not errors:
        return "no measured model keeps every limit: the front is empty"
    text = f"measured latency within {max(errors):.1%} of its prediction for all {len(errors)} models"
    given = [f"--max-{name}" for name, value in asdict(limits).items() if value is not None]
    return f"{text}; every one keeps {', '.join(given)}" if given else text
