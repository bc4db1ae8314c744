"""Loggers of a search: trials and front go to the experiment trackers that the user names."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import optuna

from nas.errors import ConfigError
from nas.integrations.loggers.base import ExperimentLogger, LoggedRun
from nas.integrations.loggers.registry import open_logger
from nas.objectives.costs import COSTS
from nas.runs.finalists import Finalist
from nas.runs.run import Run
from nas.runs.trials import TrialRecord

_KEY = "logger_key"
"""Attribute of a study that holds the run's identifier in the trackers."""
_FILES = ("report.html", "pareto.png", "pareto.csv", "size-curve.csv", "trials.csv", "run.json")


@dataclass
class RunLoggers:
    """Open loggers of a search.

    A tracker that fails, because its server is down for example, is dropped with a message: the search goes on.

    Attributes:
        say: Receives messages for people.
        loggers: The loggers by name.
        finished: True once the front is recorded.
    """

    say: Callable[[str], object]
    loggers: dict[str, ExperimentLogger] = field(default_factory=dict)
    finished: bool = False

    def trial(self, record: TrialRecord) -> None:
        """Record a trial that has ended."""
        columns = ("score", *(kind.column for kind in COSTS.values()), "seconds")
        known = {name: value for name in columns if (value := getattr(record, name)) is not None}
        self._each(lambda logger: logger.trial(record.number, known, record.arch))

    def front(self, run: Run) -> None:
        """Record the front of a finished run, and its files."""
        models = [_logged(model) for model in run.front]
        files = [file for name in _FILES if (file := run.folder / name).is_file()]
        files += [Path(file) for model in run.front for file in (model.yaml, model.weights) if file]
        self._each(lambda logger: logger.front(models, files))
        self.finished = True

    def close(self) -> None:
        """End the recording."""
        self._each(lambda logger: logger.close(self.finished))

    def _each(self, action: Callable[[ExperimentLogger], None]) -> None:
        for name, logger in list(self.loggers.items()):
            try:
                action(logger)
            except Exception as error:  # of another package, whose server may be gone
                del self.loggers[name]
                self.say(f"logger {name}: records no more: {type(error).__name__}: {' '.join(str(error).split())}")


def _logged(model: Finalist) -> dict[str, float | str]:
    found: dict[str, float | str] = {"name": model.name, "architecture": model.arch}
    found |= {"score": model.score, "latency_ms": model.latency, "params": model.params, "macs": model.macs}
    found |= {} if model.ap is None else {"ap": model.ap}
    return found | {"weight_bytes": model.weight_bytes}


@contextmanager
def open_loggers(
    names: Sequence[str], run: Run, study: optuna.Study, say: Callable[[str], object]
) -> Iterator[RunLoggers]:
    """Open the loggers of a search for the length of the block.

    Args:
        names: Keys of `nas.integrations.loggers.registry.LOGGERS`.
        run: The run.
        study: Its study, which holds the identifier of the run in the trackers.
        say: Receives messages for people.

    Raises:
        ConfigError: A tracker cannot be opened.
    """
    found = RunLoggers(say)
    if names and _KEY not in study.user_attrs:
        study.set_user_attr(_KEY, uuid.uuid4().hex[:16])
    try:
        for name in names:
            found.loggers[name] = _opened(name, run, study.user_attrs[_KEY])
            say(f"logger {name}: {found.loggers[name].place}")
        yield found
    finally:
        found.close()


def _opened(name: str, run: Run, key: str) -> ExperimentLogger:
    options = {option: str(value) for option, value in run.config.model_dump(mode="json").items() if value is not None}
    try:
        return open_logger(name, LoggedRun(run.folder, key, options))
    except Exception as error:  # of another package: no server, no account, a damaged store
        problem = f"cannot be opened: {type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(problem, field="logger", value=name, hint="drop it, or set up its server") from error
