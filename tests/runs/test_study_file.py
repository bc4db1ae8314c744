"""A study in its file: paths of any kind, locks, rights and damage."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from nas.errors import ConfigError, NasError
from nas.runs.patient_storage import StorageLostError
from nas.runs.study import open_study, sync
from nas.runs.study_file import StudyFile, sqlite_url

NAMES = ("feature%2Fx", "50% a#b?", 'it\'s "so"; a&b=c', "größe-模型 {curly}", "-rf a:b@c [1-3]* $HOME \\ \n")


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).mkdir()
    path = tmp_path / name / "study.db"
    study = open_study(StudyFile(path), "study", "AP")
    study.tell(study.ask(), [0.5, 1.0])
    sync(study)
    monkeypatch.chdir(tmp_path)
    for storage in (sqlite_url(path), sqlite_url(Path(name) / "study.db")):  # what Optuna's own commands take
        opened = optuna.load_study(study_name="study", storage=storage.replace("{", "{{").replace("}", "}}"))
        assert len(opened.trials) == 1
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert {file.name for file in (tmp_path / name).iterdir()} <= {"study.db", "study.db-wal", "study.db-shm"}


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's transaction."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield other
    finally:
        other.close()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    storage = StudyFile(tmp_path / "study.db", said.append, busy=0.01)
    storage.pause = 0.01
    study = open_study(storage, "study", "AP")
    with locked(tmp_path / "study.db") as other:
        timer = threading.Timer(0.1, other.rollback)
        timer.start()
        study.set_user_attr("written", True)
        timer.join()
    assert study.user_attrs == {"written": True}
    name = f"{tmp_path / 'study.db'}: "
    waiting = "another process locks the study; waiting for it (database is locked)"
    assert said == [name + waiting, name + "the study is free again"]


def test_a_lock_that_stays_ends_the_search(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    storage = StudyFile(path, lambda line: None, patience=0.02, busy=0.01)
    storage.pause = 0.01
    study = open_study(storage, "study", "AP")
    with locked(path):
        with pytest.raises(StorageLostError) as error:
            study.set_user_attr("written", True)
        assert str(error.value).startswith(f"{path}: another process still locks the study: database is locked; ")
        assert error.value.hint.endswith("continue with `resume`")
        with pytest.raises(StorageLostError):  # at once, without a second wait
            study.set_user_attr("written", True)
    new = tmp_path / "new.db"
    with sqlite3.connect(new, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageLostError, match="another process still locks"):
            StudyFile(new, lambda line: None, patience=0.0, busy=0.01)


class _ReadOnly(StudyFile):
    """A file that this process must not write: as root it may, whatever the mode of the file."""

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA query_only=ON")
        return connection


def one_line(error: pytest.ExceptionInfo[NasError]) -> str:
    text = str(error.value)
    assert "\n" not in text and "Traceback" not in text
    return text


def test_a_study_that_must_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    open_study(StudyFile(path), "study", "AP")
    with pytest.raises(StorageLostError) as error:
        open_study(_ReadOnly(path), "study", "AP")
    assert "study.db: the study cannot be used: attempt to write a readonly database; take the right" in one_line(error)
    assert error.value.hint.endswith("continue with `resume`")


def test_a_folder_that_is_not_there_and_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        StudyFile(tmp_path / "none" / "study.db")
    assert "the study cannot be used: unable to open database file" in one_line(error)
    (tmp_path / "study.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError) as error:
        StudyFile(tmp_path / "study.db")
    assert "damaged: file is not a database; restore it" in one_line(error)


def test_a_study_in_a_folder_that_must_not_be_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would make files beside it."""
    path = tmp_path / "50% #1?" / "study.db"
    path.parent.mkdir()
    study = open_study(StudyFile(path), "study", "AP")
    sync(study)
    study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
    access = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: place != path.parent and access(place, mode))
    before = path.stat().st_mtime_ns
    assert optuna.load_study(study_name="study", storage=StudyFile(path)).trials == []
    assert {file: file.stat().st_mtime_ns for file in path.parent.iterdir()} == {path: before}


def test_tables_of_another_optuna(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    study = open_study(StudyFile(path), "study", "AP")
    with study._storage._backend.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = 'v9.9.9'"))
    with pytest.raises(ConfigError) as error:
        StudyFile(path)
    assert "no longer compatible with the table schema" in one_line(error)
