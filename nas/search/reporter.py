"""The reporter of a search: messages, bars, a line for every trial, and the Pareto front so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.box import SIMPLE
from rich.table import Table

from nas.objectives.costs import LATENCY
from nas.objectives.pareto import pareto
from nas.progress import Reporter
from nas.runs.trials import TrialRecord
from nas.terminal import Terminal


class SearchReporter(Reporter, Protocol):
    """A reporter that `nas.run_search` can use; `TerminalSearchReporter` is the one of the command line."""

    def trials(
        self, budget: int, done: Sequence[TrialRecord], minimize: Sequence[str]
    ) -> AbstractContextManager[Callable[[TrialRecord], None]]:
        """Show trials until the end of the block.

        Args:
            budget: Number of candidates that will be trained.
            done: Trials of the run so far, where it is resumed.
            minimize: Costs that the Pareto front minimizes, see `nas.objectives.target.Target`.

        Returns:
            A context manager that yields a function; call it with each trial that ends.
        """


class TerminalSearchReporter(Terminal):
    """Shows a search on the terminal."""

    @contextmanager
    def trials(
        self, budget: int, done: Sequence[TrialRecord], minimize: Sequence[str] = LATENCY
    ) -> Iterator[Callable[[TrialRecord], None]]:
        """See `SearchReporter.trials`."""
        trained = [row for row in done if row.trained]
        with self.counter("search", budget, len(trained), f"{len(trained)}/{budget}") as task:

            def ended(record: TrialRecord) -> None:
                if record.trained:
                    trained.append(record)
                front = [trained[index] for index in pareto([row.point(minimize) for row in trained])]
                self.count(task, len(trained), f"{len(trained)}/{budget}", _front_table(front) if front else None)
                self.say(_line(record, "*" if record in front else " "))

            yield ended


def _line(record: TrialRecord, mark: str) -> str:
    score = "  -   " if record.score is None else f"{record.score:.4f}"
    reason = f"  ({record.reason})" if record.reason else ""
    return f"{record.number:4d}{mark} {record.state:<9} {score} {record.latency_ms:7.2f} ms  {record.arch}{reason}"


def _front_table(front: Sequence[TrialRecord]) -> Table:
    table = Table("trial", "score", "predicted ms", "params", "front so far", box=SIMPLE)
    for row in front:
        params = f"{(row.params or 0) / 1e6:.2f} M"
        table.add_row(f"{row.number}", f"{row.score:.4f}", f"{row.latency_ms:.2f}", params, row.arch)
    return table
