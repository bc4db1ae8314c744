"""Optuna's storage that waits while a database cannot be used."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from optuna.storages import RDBStorage

from nas.errors import ConfigError, SearchError
from nas.interrupts import stop_if_asked

PATIENCE = 600.0
"""Seconds to wait for a database before the search gives up."""

_T = TypeVar("_T")


class StorageLostError(SearchError):
    """The database did not come back, or another driver owns the study now. Resume the run."""


class PatientStorage(RDBStorage):
    """Base of storages that repeat a transaction which the database could not take.

    Attributes:
        name: Name of the storage in messages.
        say: Receives messages for people.
        patience: Seconds to wait for the database.
        waiting: Message at the beginning of a wait.
        back: Message at its end.
        lost: Message of the error if the wait was in vain.
    """

    waiting: str
    back: str
    lost: str
    pause = 1.0

    def __init__(self, name: str, say: Callable[[str], object], patience: float) -> None:
        self.name, self.say, self.patience = name, say, patience
        self._given_up = False

    def open(self, url: str, options: dict[str, Any]) -> None:
        """Open Optuna's storage, and create its tables where they are missing.

        Args:
            url: URL of the database.
            options: Options of SQLAlchemy's engine.

        Raises:
            ConfigError: The tables are those of another version of Optuna.
        """
        # Optuna takes the URL for a template, in which braces have a meaning.
        escaped = url.replace("{", "{{").replace("}", "}}")
        try:
            super().__init__(escaped, options)
        except RuntimeError as error:
            raise ConfigError(f"{self.name}: {' '.join(str(error).split())}") from None

    def attempt(self, transaction: Callable[[], _T]) -> _T:
        """Call one transaction, and repeat it if that may help."""
        raise NotImplementedError

    def wait_for(self, call: Callable[[], _T], reason_of: Callable[[Exception], str]) -> _T:
        """Call until it succeeds, for at most `patience` seconds.

        Args:
            call: Uses the database.
            reason_of: The reason to wait after an error, in words; empty if the error is final.

        Raises:
            StorageLostError: The wait was in vain. Later calls do not wait.
        """
        deadline, said = time.monotonic() + self.patience, False
        while True:
            try:
                result = call()
            except Exception as error:
                if not (why := reason_of(error)):
                    raise
                if self._given_up or time.monotonic() > deadline:
                    self._given_up = True
                    hint = "end what holds it up, then continue with `resume`"
                    raise StorageLostError(f"{self.name}: {self.lost}: {why}", hint=hint) from None
            else:
                if said:
                    self.say(f"{self.name}: {self.back}")
                return result
            if not said:
                self.say(f"{self.name}: {self.waiting} ({why})")
                said = True
            try:
                stop_if_asked()
                time.sleep(self.pause)
            except KeyboardInterrupt:
                self._given_up = True  # writes during the shutdown do not wait
                raise


def say_on_stderr(line: str) -> None:
    """Print a message where it does not mix with results."""
    print(line, file=sys.stderr)


def _repeated(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `RDBStorage`, which is one transaction, as an attempt."""

    @wraps(method)
    def attempted(self: PatientStorage, *arguments: Any, **options: Any) -> Any:
        return self.attempt(lambda: method(self, *arguments, **options))

    return attempted


for _name in (
    "create_new_study",
    "get_all_studies",
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "set_study_user_attr",
    "set_study_system_attr",
    "get_trial_id_from_study_id_trial_number",
    "get_trial",
    "_create_new_trial",
    "_get_trials",
    "_set_trial_param",
    "set_trial_state_values",
    "set_trial_user_attr",
    "set_trial_system_attr",
):
    setattr(PatientStorage, _name, _repeated(getattr(RDBStorage, _name)))
