"""Experiment logger: the protocol of all loggers. tests/integrations/test_loggers.py is its conformance suite.

optuna-integration has callbacks for the same trackers. They fit `optuna.Study.optimize`, receive a trial without its
costs, and the one for TensorBoard needs TensorFlow and a single objective. So these are our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class LoggedRun(NamedTuple):
    """A run as loggers name it.

    Attributes:
        folder: The run directory.
        key: An identifier that stays the same when the run is resumed.
        options: Options of the search by name.
    """

    folder: Path
    key: str
    options: Mapping[str, str]


class ExperimentLogger(Protocol):
    """Writes to an experiment tracker. It is made with a `LoggedRun`, whose earlier records it continues."""

    @property
    def place(self) -> str:
        """The place of the records, for people."""

    def trial(self, number: int, values: Mapping[str, float], architecture: str) -> None:
        """Record a trial that has ended.

        Args:
            number: Its number; numbers rise.
            values: Its score and costs, as far as they are known.
            architecture: Its architecture string.
        """

    def front(self, models: Sequence[Mapping[str, float | str]], files: Sequence[Path]) -> None:
        """Record the Pareto front at the end of a search.

        Args:
            models: Name, architecture, score and costs of each model, fastest first.
            files: Files of the run to store.
        """

    def close(self, finished: bool) -> None:
        """End the recording.

        Args:
            finished: False if the search was interrupted or failed.
        """
