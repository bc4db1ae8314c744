"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from PIL import Image

import nas  # noqa: F401  first of all: it settles how OpenMP waits, before torch is imported

import torch  # isort: skip

torch.set_num_threads(1)  # a process of tests a core

ROOT = Path(__file__).parent.parent
OPEN, SAVE = Image.open, torch.save


@pytest.fixture(autouse=True)
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow and torch as they are: Ultralytics, once a test has imported it, patches both for the whole process."""
    monkeypatch.setattr(Image, "open", OPEN)
    monkeypatch.setattr(torch, "save", SAVE)


@pytest.fixture(scope="session")
def bccd() -> Path:
    """The real detection set beside the project; where it is missing the test skips and says so."""
    path = ROOT.parent / "shared" / "data" / "bccd" / "data.yaml"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of an empty database on the server of NAS_POSTGRES (`.ci/postgres` starts one)."""
    server = os.environ.get("NAS_POSTGRES")
    if not server:
        pytest.skip("NAS_POSTGRES is not set to the URL of a PostgreSQL server; .ci/postgres FOLDER starts one")
    name = f"test_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tables and caches of a test go to a folder of its own, and it knows no shipped table: one might fit."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("PARETO_YOLO_HOME", str(folder))
    for user in ("table", "listing"):
        monkeypatch.setattr(f"nas.latency.{user}.shipped", lambda name: folder / "shipped" / name)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First the files that run whole commands, so that no process of tests is left with one at the end; integrations
    last: Ultralytics patches Pillow and torch.save in the process that imports it."""

    def turn(item: pytest.Item) -> int:
        long = item.path.parent.name == "commands" or item.path.name == "test_docs.py"
        return 0 if long else 2 if "integrations" in item.path.parts else 1

    items.sort(key=turn)
