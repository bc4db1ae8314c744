"""A study on a database server that may be unreachable for a while. One driver at a time owns a study."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import sqlalchemy
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    PendingRollbackError,
    ProgrammingError,
    SQLAlchemyError,
)

from nas.errors import ConfigError, SearchError
from nas.interrupts import stop_if_asked
from nas.runs.trials import INTERRUPTED_REASON

PATIENCE = 600.0
"""Seconds to wait for a server before the search gives up."""
RELEASE_SECONDS = 5.0
"""Seconds until a server has noticed that a driver was killed."""
RETRIES = 20
"""Connections that one read or write may lose, and attempts at tables that another driver is creating."""
DIALECT = "postgresql+psycopg"
INSTALL = "pip install 'pareto-yolo[postgresql]'"
OPTIONS = {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000}
"""Connection options: a server that vanishes silently is noticed within a minute."""


class StorageLostError(SearchError):
    """The database did not come back, or another driver owns the study now. Resume the run."""


def public_url(url: str) -> str:
    """A storage URL without its password.

    Raises:
        ConfigError: It is not the URL of a supported storage.
    """
    example = f"{DIALECT}://USER@HOST/DATABASE"
    try:
        found = sqlalchemy.make_url(url)
    except ArgumentError:
        raise ConfigError("not a URL", field="storage", value=url, hint=f"give one such as {example}") from None
    if found.drivername != DIALECT or not found.database:
        hint = "without `storage` the study lies in the run directory"
        shown = found.render_as_string(hide_password=True)
        raise ConfigError(f"must be {example}", field="storage", value=shown, hint=hint)
    return found._replace(password=None).render_as_string()


def _is_connection_loss(error: BaseException | None) -> bool:
    if isinstance(error, PendingRollbackError):
        return True  # Optuna went on with a transaction whose connection broke
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _retrying(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `RDBStorage`, which is one transaction, repeated when its connection breaks."""

    @wraps(method)
    def again(self: ServerStorage, *arguments: Any, **options: Any) -> Any:
        for attempt in range(RETRIES):
            self.ready()
            try:
                return method(self, *arguments, **options)
            except StorageInternalError as error:
                if not _is_connection_loss(error.__cause__):
                    raise
            except UpdateFinishedTrialError:
                if attempt == 0:
                    raise
                return True  # the first attempt was written before its connection broke
        raise StorageLostError(f"{self.name}: {RETRIES} connections broke, one after the other")

    return again


class ServerStorage(RDBStorage):
    """Optuna's storage on a PostgreSQL server.

    When the server becomes unreachable, the storage waits up to `PATIENCE` seconds and repeats the interrupted write
    once. `own` reserves a study for this process.

    Args:
        url: URL of the database.
        say: Receives messages for people.

    Raises:
        ConfigError: The server cannot be reached at first.
        StorageLostError: The server does not come back.
    """

    def __init__(self, url: str, say: Callable[[str], object] = print):
        self.name, self.say = public_url(url), say
        self._lock: sqlalchemy.Connection | None = None
        self._study, self._key, self._next = "", 0, dict[int, int]()
        self._broken = self._given_up = False
        for left in reversed(range(RETRIES)):
            try:
                # One thread uses the storage, and one more connection holds the lock.
                super().__init__(url, {"pool_pre_ping": True, "pool_size": 2, "connect_args": OPTIONS})
                break
            except ImportError:
                problem = "psycopg is not installed"
                raise ConfigError(problem, field="storage", value=self.name, hint=f"run {INSTALL}") from None
            except SQLAlchemyError as error:
                if left and isinstance(error, IntegrityError | ProgrammingError):
                    time.sleep(0.2)  # another driver is creating the tables
                    continue
                why = " ".join(str(getattr(error, "orig", error)).split())
                hint = "start the server, or give the password in the URL or as PGPASSWORD"
                problem = f"cannot be opened: {why}"
                raise ConfigError(problem, field="storage", value=self.name, hint=hint) from None
        event.listen(self.engine, "do_connect", self._connect)

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
        self._broken, deadline = False, time.monotonic() + PATIENCE
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

    def _connect(self, dialect: Any, record: object, arguments: Any, options: Any) -> Any:
        """Connect as soon as the server answers."""
        self._broken, deadline, said = True, time.monotonic() + PATIENCE, False
        while True:
            try:
                connection = dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError as error:
                why = " ".join(str(error).split())
                if self._given_up or time.monotonic() > deadline:
                    self._given_up = True
                    raise StorageLostError(f"{self.name}: the database did not come back: {why}") from None
            else:
                if said:
                    self.say(f"{self.name}: the database is back")
                return connection
            if not said:
                self.say(f"{self.name}: the database is unreachable; waiting for it ({why})")
                said = True
            try:
                stop_if_asked()
                time.sleep(1)
            except KeyboardInterrupt:
                self._given_up = True  # writes during the shutdown do not wait
                raise

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """As Optuna's. Its own retry leaves an unknown trial where only the answer was lost; that trial is ended."""
        if study_id not in self._next:
            self._next[study_id] = 1 + max(
                (trial.number for trial in self._get_trials(study_id, None, set(), -1)), default=-1
            )
        trial: FrozenTrial = self._create_once(study_id, template_trial)
        for number in range(self._next[study_id], trial.number):
            lost = self.get_trial_id_from_study_id_trial_number(study_id, number)
            self.set_trial_user_attr(lost, "reason", INTERRUPTED_REASON)
            self.set_trial_state_values(lost, TrialState.FAIL)
        self._next[study_id] = trial.number + 1
        return trial

    _create_once = _retrying(RDBStorage._create_new_trial)


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
    "_get_trials",
    "_set_trial_param",
    "set_trial_state_values",
    "set_trial_user_attr",
    "set_trial_system_attr",
):
    setattr(ServerStorage, _name, _retrying(getattr(RDBStorage, _name)))
