"""A study on a PostgreSQL server: as in a file, one driver's, and through outages."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from nas.errors import ConfigError
from nas.objectives.limits import Limits
from nas.runs.directory import open_run, open_server
from nas.runs.patient_storage import StorageLostError
from nas.runs.record import RunStatus
from nas.runs.storage import RETRIES, ServerStorage, public_url
from nas.runs.study import open_study
from nas.runs.trials import read_trials
from nas.search.driver import Driver
from nas.search.samplers import SAMPLERS
from nas.spaces.space import load_space
from tests.runs.records import record
from tests.search.made_up import TARGET
from tests.search.test_driver import Scorer

FAULTY = "postgresql+psycopg://me:secret@host"
Row = tuple[str, str, float | None]


class Gate:
    """A way to a server that can be cut: what goes through it is forwarded as it is."""

    def __init__(self, url: str):
        self._to = sqlalchemy.make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.open, self.answers, self.cut_after = True, 0, -1
        self.url = self._to.set(port=self._listener.getsockname()[1]).render_as_string(hide_password=False)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self.open:
                    near.close()
                    continue
                far = socket.create_connection((self._to.host or "", self._to.port or 5432))
                self._pairs.append((near, far))
                threading.Thread(target=self._forward, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._forward, args=(far, near, True), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                self.answers += answers
                if answers and self.answers == self.cut_after:
                    break  # done there, and never heard of here
                target.sendall(content)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break every connection, and let nobody through until `open` is set."""
        self.open = False
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.close()


@pytest.fixture
def gate(postgres: str) -> Iterator[Gate]:
    found = Gate(postgres)
    yield found
    found.close()


def search(
    storage: Any, budget: int = 10, scorer: Any = None, told: Callable[[Any], object] = id, **more: Any
) -> Driver:
    study = open_study(storage, "run", "AP50-95 (proxy)")
    options: dict[str, Any] = {"seed": 7, "budget": budget, "limits": Limits()} | more
    driver = Driver(study, load_space("yolov8n"), TARGET, scorer or Scorer(), SAMPLERS["tpe"](), **options)
    driver.run(told)
    return driver


def rows(driver: Driver) -> list[Row]:
    return [(row.state, row.arch, row.score) for row in read_trials(driver.study) if row.state != "interrupted"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Result of an undisturbed run with its study in a file."""
    return rows(search(f"sqlite:///{tmp_path_factory.mktemp('expected') / 'study.db'}"))


def test_as_in_a_file(postgres: str, expected: list[Row]) -> None:
    assert rows(search(ServerStorage(postgres))) == expected


def test_one_driver_a_study_and_several_a_server(postgres: str, expected: list[Row]) -> None:
    first, second = ServerStorage(postgres), ServerStorage(postgres)
    first.own("run")
    with pytest.raises(ConfigError, match="another process is working on run; wait for it to end"):
        second.own("run")
    second.own("other")
    first.close()
    third = ServerStorage(postgres)
    third.own("run")

    def one(name: str) -> list[Row]:
        storage = ServerStorage(postgres)
        storage.own(name)
        study = open_study(storage, name, "AP50-95 (proxy)")
        driver = Driver(study, load_space("yolov8n"), TARGET, Scorer(), SAMPLERS["tpe"](), 7, 10, Limits())
        driver.run(lambda record: None)
        return rows(driver)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, ("a", "b"))) == [expected, expected]


def test_an_outage_is_waited_out(gate: Gate, expected: list[Row]) -> None:
    said: list[str] = []
    storage = ServerStorage(gate.url, said.append)
    storage.own("run")

    def told(record: Any) -> None:
        if record.number == 4:
            gate.cut()
            threading.Timer(3, lambda: setattr(gate, "open", True)).start()

    began = time.monotonic()
    driver = search(storage, told=told)
    assert time.monotonic() - began >= 3
    assert rows(driver) == expected
    assert [row.number for row in read_trials(driver.study)] == list(range(len(expected)))
    assert ["the database is unreachable" in line or "the database is back" in line for line in said] == [True, True]
    with pytest.raises(ConfigError, match="another process"):
        ServerStorage(gate.url).own("run")  # it was taken again


@pytest.mark.parametrize("answer", [*range(3, 45, 3), 100, 151])
def test_a_lost_answer_neither_loses_nor_doubles_a_trial(gate: Gate, answer: int, expected: list[Row]) -> None:
    storage = ServerStorage(gate.url, lambda line: None)
    storage.own("run")
    study = open_study(storage, "run", "AP50-95 (proxy)")
    gate.cut_after = gate.answers + answer
    driver = Driver(study, load_space("yolov8n"), TARGET, Scorer(), SAMPLERS["tpe"](), 7, 10, Limits())
    driver.run(lambda record: None)
    assert gate.answers > gate.cut_after
    assert rows(driver) == expected
    assert all(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def test_a_server_that_stays_away_ends_the_run_and_it_is_taken_up(gate: Gate, expected: list[Row]) -> None:
    storage = ServerStorage(gate.url, lambda line: None, patience=2.0)

    def told(record: Any) -> None:
        if record.number == 4:
            gate.cut()

    with pytest.raises(StorageLostError, match="the database did not come back"):
        search(storage, told=told)
    gate.open = True
    again = ServerStorage(gate.url)
    again.own("run")
    assert rows(search(again)) == expected


def refused(folder: Path, url: str | None, resume: bool) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        open_server(folder, url, resume=resume)
    return error.value


def test_a_run_is_restored_from_the_server(postgres: str, tmp_path: Path) -> None:
    storage = open_server(tmp_path / "here" / "run", postgres, resume=False)
    assert storage is not None
    new = record(storage=storage.name)
    with open_run(tmp_path / "here" / "run", new, resume=False) as run:
        run.copy_to(open_study(storage, "run", "AP50-95 (proxy)"))
        with run.phase("search"):
            pass
        saved = run.record
    storage.close()
    error = refused(tmp_path / "there" / "run", postgres, resume=False)
    assert (error.field, error.value) == ("out", tmp_path / "there" / "run")
    assert error.problem == "`storage` holds a run run" and "`resume`" in error.hint
    error = refused(tmp_path / "walk", postgres, resume=True)
    assert (error.field, error.problem) == ("resume", "there is no run walk in `storage`; it holds run")
    assert "`out`" in error.hint
    again = open_server(tmp_path / "there" / "run", postgres, resume=True)
    with open_run(tmp_path / "there" / "run", new, resume=True) as run:
        assert again is not None
        same = {"git": run.record.git, "versions": run.record.versions, "status": RunStatus.RUNNING}
        assert run.record == saved.model_copy(update=same)
        again.close()
    with pytest.raises(ConfigError) as changed:
        with open_run(tmp_path / "there" / "run", record(data="b", storage=storage.name), resume=True):
            pass
    assert changed.value.field == "resume" and "data was 'a' and is 'b'" in changed.value.problem
    taken = open_server(tmp_path / "there" / "run", None, resume=True)  # the URL of run.json
    assert taken is not None and taken.name == storage.name
    with open_run(tmp_path / "file", record(), resume=False):
        pass
    assert open_server(tmp_path / "file", None, resume=True) is None
    error = refused(tmp_path / "file", postgres, resume=True)
    assert error.field == "storage" and "lies in that directory" in error.problem


def test_urls(postgres: str) -> None:
    assert public_url("postgresql+psycopg://me:secret@host/nas") == "postgresql+psycopg://me@host/nas"
    for url in ("study.db", "mysql://me:secret@host/nas", "postgresql+psycopg://host", f"{FAULTY}:port/nas"):
        with pytest.raises(ConfigError) as error:
            public_url(url)
        assert error.value.field == "storage"
        assert "secret" not in str(error.value)
    with pytest.raises(ConfigError, match=r"cannot be opened: .*refused") as error:
        ServerStorage("postgresql+psycopg://me:secret@127.0.0.1:1/nas")
    assert error.value.field == "storage" and "secret" not in str(error.value)


def test_drivers_that_open_an_empty_database_at_once(postgres: str) -> None:
    """Each would make the tables, and all but one find them there half-way."""
    with ThreadPoolExecutor(6) as pool:
        storages = list(pool.map(lambda _: ServerStorage(postgres), range(6)))
    for number, storage in enumerate(storages):
        study = open_study(storage, f"study-{number}", "AP50-95 (proxy)")
        assert study.study_name == f"study-{number}"
        storage.close()


@pytest.fixture
def reader(postgres: str) -> Iterator[str]:
    """The URL of an account that may connect, and nothing else."""
    name = f"reader_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
    yield sqlalchemy.make_url(postgres).set(username=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {name}; DROP ROLE {name}")
    engine.dispose()


def test_an_account_that_may_not_create_tables(reader: str) -> None:
    began = time.monotonic()
    with pytest.raises(ConfigError) as error:
        ServerStorage(reader)
    assert error.value.problem == "cannot be opened: permission denied for schema public"
    assert "GRANT" in error.value.hint
    assert time.monotonic() - began < RETRIES * 0.2 / 2  # it is no race for the tables


def test_an_account_that_may_not_write(postgres: str, reader: str) -> None:
    ServerStorage(postgres).close()
    name = sqlalchemy.make_url(reader).username
    engine = sqlalchemy.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    engine.dispose()
    storage = ServerStorage(reader)
    with pytest.raises(StorageLostError) as error:
        open_study(storage, "run", "AP50-95 (proxy)")
    assert error.value.problem.endswith("refused: permission denied for table studies")
    assert "GRANT" in error.value.hint and error.value.hint.endswith("`resume`")
    storage.close()


def test_a_server_that_must_not_be_written(postgres: str) -> None:
    ServerStorage(postgres).close()
    standby = f"{postgres}?options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(StorageLostError) as error:
        open_study(ServerStorage(standby), "run", "AP50-95 (proxy)")
    assert "refused: cannot execute INSERT in a read-only transaction" in error.value.problem


def test_a_database_that_is_not_there(postgres: str) -> None:
    missing = sqlalchemy.make_url(postgres).set(database="{none}").render_as_string(hide_password=False)
    with pytest.raises(ConfigError, match=r'cannot be opened: .*database "\{none\}" does not exist; check that'):
        ServerStorage(missing)
    with pytest.raises(ConfigError, match="cannot be opened: ") as error:
        ServerStorage("postgresql+psycopg://me@no-such-host.invalid/nas")
    assert "\n" not in str(error.value)
