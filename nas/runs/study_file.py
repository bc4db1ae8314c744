"""The study of a run in its file, study.db (SQLite)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy

from nas.errors import ConfigError, NasError
from nas.runs.patient_storage import PATIENCE, PatientStorage, StorageLostError, say_on_stderr

BUSY_SECONDS = 1.0
"""Seconds that SQLite itself waits for a lock; then we say so and wait on."""
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}

_T = TypeVar("_T")


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite file, for Optuna. The path may hold any character: % ? # and the like are escaped."""
    return sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string()


class StudyFile(PatientStorage):
    """Optuna's storage in an SQLite file. While another process locks the file, the storage waits.

    Args:
        path: The file. It is created if it is missing.
        say: Receives messages for people.
        patience: Seconds to wait for a lock.
        busy: Seconds that SQLite itself waits for a lock.

    Raises:
        ConfigError: The file is damaged, or cannot be read or written.
        StorageLostError: Another process holds its lock.
    """

    waiting = "another process locks the study; waiting for it"
    back = "the study is free again"
    lost = "another process still locks the study"

    def __init__(
        self,
        path: Path,
        say: Callable[[str], object] = say_on_stderr,
        patience: float = PATIENCE,
        busy: float = BUSY_SECONDS,
    ):
        super().__init__(str(path), say, patience)
        self.path, self._busy, self._opened = path.absolute(), busy, False
        # The path does not go through a URL, where % and ? have a meaning.
        self.attempt(lambda: self.open("sqlite:///study.db", {"creator": self._connect}))
        self._opened = True

    def attempt(self, transaction: Callable[[], _T]) -> _T:
        """Call one transaction, and repeat it while the file is locked.

        Raises:
            StorageLostError: The lock stays, or the file can no longer be read or written.
            ConfigError: The same, when the file is opened.
        """
        try:
            return self.wait_for(transaction, _lock_of)
        except Exception as error:
            if (refused := self._refusal(_sqlite_error(error))) is None:
                raise
            raise refused from None

    def sync(self) -> None:
        """Write all results to the disk, where they survive a power cut. A killed process loses nothing anyway."""

        def checkpoint() -> None:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

        self.attempt(checkpoint)

    def _connect(self) -> sqlite3.Connection:
        if self._is_archived():
            address = f"file:{quote(os.fsencode(self.path))}?mode=ro&immutable=1"
            return sqlite3.connect(address, uri=True, check_same_thread=False)
        connection = sqlite3.connect(self.path, timeout=self._busy, check_same_thread=False)
        # By default SQLite syncs the disk three times for every parameter of every trial; `sync` does it once a trial.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    def _is_archived(self) -> bool:
        """Return True if SQLite can read the file only as one that nobody changes: it cannot write beside it."""
        log = self.path.with_name(self.path.name + "-wal")
        return self.path.is_file() and not log.exists() and not os.access(self.path.parent, os.W_OK)

    def _refusal(self, error: sqlite3.Error | None) -> NasError | None:
        """The error for a person; None if it is not about the file."""
        code = _code(error)
        if code in _DAMAGED:
            hint = "restore it, or search again with another `out`"
            return ConfigError(f"damaged: {error}", file=self.name, hint=hint)
        if code not in _REFUSED:
            return None
        kind = StorageLostError if self._opened else ConfigError
        hint = "take the right to read and write it and its folder, then continue with `resume`"
        return kind(f"the study cannot be used: {error}", file=self.name, hint=hint)


def _lock_of(error: Exception) -> str:
    """The reason to wait: SQLite's words for a lock; empty for another error."""
    found = _sqlite_error(error)
    return str(found) if _code(found) in _LOCKED else ""


def _code(error: sqlite3.Error | None) -> int | None:
    """SQLite's primary result code; extended codes add higher bits."""
    code: int | None = getattr(error, "sqlite_errorcode", None)  # errors of the module itself have none
    return None if code is None else code & 0xFF


def _sqlite_error(error: BaseException | None) -> sqlite3.Error | None:
    """The error of SQLite behind one of SQLAlchemy or Optuna."""
    while error is not None:
        found: Any = getattr(error, "orig", error)
        if isinstance(found, sqlite3.Error):
            return found
        error = error.__cause__ or error.__context__
    return None
