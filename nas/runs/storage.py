"""A study on a database server that may be unreachable for a while. One driver at a time owns a study."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    PendingRollbackError,
    ProgrammingError,
    SQLAlchemyError,
)

from nas.errors import ConfigError
from nas.installation import install_command
from nas.interrupts import stop_if_asked
from nas.runs.patient_storage import PATIENCE, PatientStorage, StorageLostError, say_on_stderr
from nas.runs.trials import INTERRUPTED_REASON

RELEASE_SECONDS = 5.0
"""Seconds until a server has noticed that a driver was killed."""
RETRIES = 20
"""Connections that one read or write may lose, and attempts at tables that another driver is creating."""
DIALECT = "postgresql+psycopg"
NO_RIGHTS, READ_ONLY = "42501", "25006"
"""States of SQL: the account lacks a right, the server or the transaction is read-only."""
OPTIONS = {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000}
"""Connection options: a server that vanishes silently is noticed within a minute."""

_T = TypeVar("_T")


def public_url(url: str) -> str:
    """A storage URL without its password.

    Raises:
        ConfigError: It is not the URL of a supported storage.
    """
    example = f"{DIALECT}://USER@HOST/DATABASE"
    try:
        found = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        shown = re.sub(r":[^/@]*@", ":***@", url)  # without its password
        raise ConfigError("not a URL", field="storage", value=shown, hint=f"give one such as {example}") from None
    if found.drivername != DIALECT or not found.database:
        hint = "without `storage` the study lies in the run directory"
        shown = found.render_as_string(hide_password=True)
        raise ConfigError(f"must be {example}", field="storage", value=shown, hint=hint)
    return found._replace(password=None).render_as_string()


def _cause(error: Exception) -> BaseException:
    """The database's error behind one of Optuna."""
    return error.__cause__ or error if isinstance(error, StorageInternalError) else error


def _state(error: Exception) -> str:
    """The SQLSTATE of the server's answer; empty if there is none."""
    return getattr(getattr(_cause(error), "orig", None), "sqlstate", None) or ""


def _words(error: Exception) -> str:
    """The server's first sentence, on one line."""
    found = getattr(_cause(error), "orig", None) or _cause(error)
    primary = getattr(getattr(found, "diag", None), "message_primary", None)
    return " ".join(str(primary or found).split())


def _is_connection_loss(error: BaseException | None) -> bool:
    if isinstance(error, PendingRollbackError):
        return True  # Optuna went on with a transaction whose connection broke
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _is_race(error: Exception) -> bool:
    """Return True if another driver is creating the same tables."""
    return isinstance(_cause(error), IntegrityError | ProgrammingError) and _state(error) != NO_RIGHTS


def _is_refusal(error: Exception) -> bool:
    """Return True if the server is at fault, or the account; other errors are ours."""
    cause = _cause(error)
    faults = isinstance(cause, DBAPIError) and not isinstance(cause, IntegrityError | ProgrammingError | DataError)
    return faults or _state(error) == NO_RIGHTS


def _advice(error: Exception) -> str:
    if _state(error) == NO_RIGHTS:
        return "let the database's owner GRANT the account the right, or give another account"
    if _state(error) == READ_ONLY:
        return "give a server that can be written to"
    return "check that the server runs, and its name, the database, the account and the password (or PGPASSWORD)"


class ServerStorage(PatientStorage):
    """Optuna's storage on a PostgreSQL server.

    When the server becomes unreachable, the storage waits and repeats the interrupted write once. `own` reserves a
    study for this process.

    Args:
        url: URL of the database.
        say: Receives messages for people.
        patience: Seconds to wait for the server.

    Raises:
        ConfigError: The server cannot be reached at first, or refuses the account.
        StorageLostError: The server does not come back.
    """

    waiting = "the database is unreachable; waiting for it"
    back = "the database is back"
    lost = "the database did not come back"

    def __init__(self, url: str, say: Callable[[str], object] = say_on_stderr, patience: float = PATIENCE):
        super().__init__(public_url(url), say, patience)
        self._lock: sqlalchemy.Connection | None = None
        self._study, self._key, self._next = "", 0, dict[int, int]()
        self._broken = False
        self._open(sqlalchemy.make_url(url).render_as_string(hide_password=False))
        event.listen(self.engine, "do_connect", self._connect)

    def _open(self, url: str) -> None:
        for left in reversed(range(RETRIES)):
            try:
                # One thread uses the storage, and one more connection holds the lock.
                self.open(url, {"pool_pre_ping": True, "pool_size": 2, "connect_args": OPTIONS})
                return
            except ImportError:
                hint = f"run {install_command('postgresql')}"
                raise ConfigError("psycopg is not installed", field="storage", value=self.name, hint=hint) from None
            except (SQLAlchemyError, StorageInternalError) as error:
                if left and _is_race(error):
                    time.sleep(0.2)  # another driver is creating the tables
                    continue
                problem = f"cannot be opened: {_words(error)}"
                raise ConfigError(problem, field="storage", value=self.name, hint=_advice(error)) from None

    def own(self, study: str) -> None:
        """Reserve a study for this process while it lives.

        Raises:
            ConfigError: Another process owns the study.
        """
        digest = hashlib.sha256(f"pareto-yolo/{study}".encode()).digest()
        self._study, self._key = study, int.from_bytes(digest[:8], signed=True)
        deadline = time.monotonic() + RELEASE_SECONDS
        while not self._locked():
            if time.monotonic() > deadline:
                self.close()
                problem = f"another process is working on {study}"
                raise ConfigError(problem, field="storage", value=self.name, hint="wait for it to end")
            time.sleep(0.2)

    def close(self) -> None:
        """Disconnect, and release the study."""
        if self._lock is not None:
            with suppress(DBAPIError):
                self._lock.execute(sqlalchemy.text("SELECT pg_advisory_unlock_all()"))
                self._lock.close()
            self._lock = None
        self.engine.dispose()

    def ready(self) -> None:
        """Take the lock again after a broken connection.

        Raises:
            StorageLostError: Another process owns the study.
        """
        if not (self._broken and self._key):
            return
        self._broken, deadline = False, time.monotonic() + self.patience
        # After a broken connection the server may hold this process's old lock for a while.
        while not self._locked():
            if time.monotonic() > deadline:
                raise StorageLostError(f"{self.name}: another process has taken over {self._study}")
            stop_if_asked()
            time.sleep(1)

    def _locked(self) -> bool:
        for _ in range(RETRIES):
            try:
                if self._lock is None:
                    self._lock = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                query = sqlalchemy.text("SELECT pg_try_advisory_lock(:key)")
                return bool(self._lock.execute(query, {"key": self._key}).scalar())
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                self._lock = None
        return False

    def attempt(self, transaction: Callable[[], _T]) -> _T:
        """Call one transaction, and repeat it when its connection breaks.

        Raises:
            StorageLostError: The server does not come back, or refuses.
        """
        for number in range(RETRIES):
            self.ready()
            try:
                return transaction()
            except StorageInternalError as error:
                if _is_connection_loss(error.__cause__):
                    continue
                if not _is_refusal(error):
                    raise
                hint = f"{_advice(error)}; then continue with `resume`"
                raise StorageLostError(f"{self.name}: refused: {_words(error)}", hint=hint) from None
            except UpdateFinishedTrialError:
                if number == 0:
                    raise
                return cast(_T, True)  # the first attempt was written before its connection broke
        raise StorageLostError(f"{self.name}: {RETRIES} connections broke, one after the other")

    def _connect(self, dialect: Any, record: object, arguments: Any, options: Any) -> Any:
        """Connect as soon as the server answers."""
        self._broken = True

        def reason_of(error: Exception) -> str:
            return _words(error) if isinstance(error, dialect.loaded_dbapi.OperationalError) else ""

        return self.wait_for(lambda: dialect.connect(*arguments, **options), reason_of)

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """As Optuna's. Its own retry leaves an unknown trial where only the answer was lost; that trial is ended."""
        if study_id not in self._next:
            self._next[study_id] = 1 + max(
                (trial.number for trial in self._get_trials(study_id, None, set(), -1)), default=-1
            )
        trial: FrozenTrial = super()._create_new_trial(study_id, template_trial)
        for number in range(self._next[study_id], trial.number):
            lost = self.get_trial_id_from_study_id_trial_number(study_id, number)
            self.set_trial_user_attr(lost, "reason", INTERRUPTED_REASON)
            self.set_trial_state_values(lost, TrialState.FAIL)
        self._next[study_id] = trial.number + 1
        return trial
