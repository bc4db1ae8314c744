"""A study on a database server, which may be away for a while, and is one driver's at a time."""

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

from nas.errors import InputError
from nas.execution.score import SearchError
from nas.interrupts import stop_if_asked
from nas.runs.trials import INTERRUPTED

PATIENCE = 600.0
"""Seconds that a server may be away before the search gives up."""
ENDING = 5.0
"""Seconds until a server has noticed that a driver was killed."""
RETRIES = 20
"""Connections that one read or write may lose, and looks at tables that are being made."""
DIALECT = "postgresql+psycopg"
INSTALL = "pip install 'pareto-yolo[postgresql]'"
OPTIONS = {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000}
"""Of a connection: a server that vanished without a word is noticed within a minute."""


class StorageLostError(SearchError):
    """The database is gone for good, or another driver has taken the study over; the run goes on with --resume."""


def shown(url: str) -> str:
    """A storage's URL without its password. Raises InputError for what is no URL of a storage that we know."""
    example = f"{DIALECT}://USER@HOST/DATABASE"
    try:
        found = sqlalchemy.make_url(url)
    except ArgumentError:
        raise InputError(f"--storage {url}: not a URL; give one such as {example}") from None
    if found.drivername != DIALECT or not found.database:
        what = found.render_as_string(hide_password=True)
        raise InputError(f"--storage {what}: must be {example}; without it, the study lies in the run's directory")
    return found._replace(password=None).render_as_string()


def _broken(error: BaseException | None) -> bool:
    """Whether what the database could not do was for its connection."""
    if isinstance(error, PendingRollbackError):
        return True  # of a connection that broke in this transaction, which Optuna went on with
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _lasting(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `RDBStorage`, a transaction, done again when its connection breaks."""

    @wraps(method)
    def again(self: ServerStorage, *arguments: Any, **options: Any) -> Any:
        for attempt in range(RETRIES):
            self.ready()
            try:
                return method(self, *arguments, **options)
            except StorageInternalError as error:
                if not _broken(error.__cause__):
                    raise
            except UpdateFinishedTrialError:
                if attempt == 0:
                    raise
                return True  # it was told before the connection broke
        raise StorageLostError(f"{self.name}: {RETRIES} connections broke, one after the other")

    return again


class ServerStorage(RDBStorage):
    """Optuna's storage on a PostgreSQL server. A server that goes away is waited for, with a line to ``say``, for
    `PATIENCE` seconds; what was being written then is written again, once. `own` makes a study this process's.

    Raises InputError for a server that cannot be reached at first, StorageLostError for one that does not come back.
    """

    def __init__(self, url: str, say: Callable[[str], object] = print):
        self.name, self.say = shown(url), say
        self._lock: sqlalchemy.Connection | None = None
        self._study, self._key, self._next = "", 0, dict[int, int]()
        self._broken = self._given_up = False
        for left in reversed(range(RETRIES)):
            try:
                # As every method is done by one thread, and one more connection holds the lock.
                super().__init__(url, {"pool_pre_ping": True, "pool_size": 2, "connect_args": OPTIONS})
                break
            except ImportError:
                raise InputError(f"--storage {self.name}: psycopg is not installed; run {INSTALL}") from None
            except SQLAlchemyError as error:
                if left and isinstance(error, IntegrityError | ProgrammingError):
                    time.sleep(0.2)  # another driver makes the tables at this moment
                    continue
                why = " ".join(str(getattr(error, "orig", error)).split())
                mend = "start the server, or give the password in the URL or as PGPASSWORD"
                raise InputError(f"--storage {self.name}: cannot be opened: {why}; {mend}") from None
        event.listen(self.engine, "do_connect", self._connect)

    def own(self, study: str) -> None:
        """Let nobody else drive this study while this process lives; raises InputError where somebody does."""
        digest = hashlib.sha256(f"pareto-yolo/{study}".encode()).digest()
        self._study, self._key = study, int.from_bytes(digest[:8], signed=True)
        deadline = time.monotonic() + ENDING
        while not self._locked():
            if time.monotonic() > deadline:
                self.close()
                raise InputError(f"--storage {self.name}: another process is working on {study}; wait for it to end")
            time.sleep(0.2)

    def close(self) -> None:
        """Leave the server, and the study to others."""
        if self._lock is not None:
            with suppress(DBAPIError):
                self._lock.execute(sqlalchemy.text("SELECT pg_advisory_unlock_all()"))
                self._lock.close()
            self._lock = None
        self.engine.dispose()

    def ready(self) -> None:
        """Take the lock again where connections broke; raises StorageLostError when somebody else has it."""
        if not (self._broken and self._key):
            return
        self._broken, deadline = False, time.monotonic() + PATIENCE
        # A server that this machine was cut off from may think for a while that the lock is still held from here.
        while not self._locked():
            if time.monotonic() > deadline:
                raise StorageLostError(f"{self.name}: another process has taken {self._study} over")
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
        """Connect, when the server is there again."""
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
                self.say(f"{self.name}: the database is away; waiting for it ({why})")
                said = True
            try:
                stop_if_asked()
                time.sleep(1)
            except KeyboardInterrupt:
                self._given_up = True  # what is written on the way out does not wait
                raise

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """Raises as Optuna's. It tries again by itself, which leaves a trial that nobody knows of where the first one
        was written and only the answer was lost: that one is ended."""
        if study_id not in self._next:
            self._next[study_id] = 1 + max(
                (trial.number for trial in self._get_trials(study_id, None, set(), -1)), default=-1
            )
        trial: FrozenTrial = self._create_once(study_id, template_trial)
        for number in range(self._next[study_id], trial.number):
            lost = self.get_trial_id_from_study_id_trial_number(study_id, number)
            self.set_trial_user_attr(lost, "reason", INTERRUPTED)
            self.set_trial_state_values(lost, TrialState.FAIL)
        self._next[study_id] = trial.number + 1
        return trial

    _create_once = _lasting(RDBStorage._create_new_trial)


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
    setattr(ServerStorage, _name, _lasting(getattr(RDBStorage, _name)))
