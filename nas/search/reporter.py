"""The reporter of a search: messages, bars, a line for every trial, and the Pareto front so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from statistics import median
from typing import Protocol

from rich.box import SIMPLE
from rich.table import Table

from nas.objectives.costs import COSTS, LATENCY
from nas.objectives.pareto import pareto
from nas.progress import Reporter, time_left
from nas.runs.trials import TrialRecord, short_id
from nas.terminal import Terminal

HEADING = "trial state     score   predicted   params  model   (*: on the front so far)"
"""Heading of the lines of trials; it fits into 80 columns, as they do."""


class SearchReporter(Reporter, Protocol):
    """A reporter that `nas.run_search` can use; `TerminalSearchReporter` is the one of the command line."""

    def trials(
        self, budget: int, done: Sequence[TrialRecord], minimize: Sequence[str], workers: int
    ) -> AbstractContextManager[Callable[[TrialRecord], None]]:
        """Show trials until the end of the block.

        Args:
            budget: Number of candidates that will be trained.
            done: Trials of the run so far, where it is resumed.
            minimize: Costs that the Pareto front minimizes, see `nas.objectives.target.Target`.
            workers: Number of candidates that are trained at once.

        Returns:
            A context manager that yields a function; call it with each trial that ends.
        """


class TerminalSearchReporter(Terminal):
    """Shows a search on the terminal."""

    @contextmanager
    def trials(
        self, budget: int, done: Sequence[TrialRecord], minimize: Sequence[str] = LATENCY, workers: int = 1
    ) -> Iterator[Callable[[TrialRecord], None]]:
        """See `SearchReporter.trials`."""
        trained = [row for row in done if row.trained]
        self.say(HEADING)
        with self.counter("search", budget, len(trained), _note(budget, trained, workers)) as task:

            def ended(record: TrialRecord) -> None:
                if record.trained:
                    trained.append(record)
                within = [row for row in trained if not row.over]
                front = [within[index] for index in pareto([row.point(minimize) for row in within])]
                note = _note(budget, trained, workers)
                self.count(task, len(trained), note, _front_table(front) if front else None)
                self.say(_line(record, "*" if record in front else " "))
                self.log(f"search: {note}")

            yield ended


def _note(budget: int, trained: Sequence[TrialRecord], workers: int) -> str:
    """The candidates trained, and the time left by the median of their trainings."""
    seconds = [row.seconds for row in trained if row.seconds]
    rest = budget - len(trained)
    left = time_left(median(seconds) * rest / workers) if seconds and rest else ""
    return f"{len(trained)}/{budget}{left and f', {left}'}"


def _line(record: TrialRecord, mark: str) -> str:
    score = "  -   " if record.score is None else f"{record.score:.4f}"
    reason = record.reason
    if record.over and record.trained:  # a baseline
        reason = f"over the limit on {' and '.join(COSTS[name].heading for name in record.over)}"
    figures = f"{score} {record.latency_ms:7.2f} ms {_params(record)}"
    return f"{record.number:4d}{mark} {record.state:<9} {figures}  {short_id(record.arch)}{reason and f'  {reason}'}"


def _params(record: TrialRecord) -> str:
    return f"{(record.params or 0) / 1e6:6.2f} M"


def _front_table(front: Sequence[TrialRecord]) -> Table:
    table = Table("trial", "model", "score", "predicted ms", "params", box=SIMPLE, title="Pareto front so far")
    for row in front:
        table.add_row(f"{row.number}", short_id(row.arch), f"{row.score:.4f}", f"{row.latency_ms:.2f}", _params(row))
    return table
