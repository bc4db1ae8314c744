"""Registry of loggers."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import NamedTuple

from nas.errors import InputError
from nas.installation import install_command
from nas.integrations.loggers.base import ExperimentLogger, LoggedRun


class LoggerInfo(NamedTuple):
    """A logger.

    Attributes:
        import_string: Module and class.
        package: The package that it needs, by its import name.
    """

    import_string: str
    package: str


LOGGERS = {
    "tensorboard": LoggerInfo("nas.integrations.loggers.tensorboard:TensorBoardLogger", "tensorboard"),
    "mlflow": LoggerInfo("nas.integrations.loggers.mlflow:MLflowLogger", "mlflow"),
    "wandb": LoggerInfo("nas.integrations.loggers.wandb:WandbLogger", "wandb"),
}
"""Loggers by name; each name is an extra of the package. The conformance suite goes through them."""


def check_logger(name: str) -> None:
    """Raise InputError if the package of a logger is not installed. It is not imported."""
    if find_spec(LOGGERS[name].package) is None:
        problem, hint = f"{LOGGERS[name].package} is not installed", f"run {install_command(name)}"
        raise InputError(problem, field="logger", value=name, hint=hint)


def open_logger(name: str, run: LoggedRun) -> ExperimentLogger:
    """Begin to record a run, or continue.

    Args:
        name: A key of `LOGGERS`.
        run: The run.

    Raises:
        InputError: The package is not installed.
    """
    check_logger(name)
    module, _, attribute = LOGGERS[name].import_string.partition(":")
    made: ExperimentLogger = getattr(importlib.import_module(module), attribute)(run)
    return made
