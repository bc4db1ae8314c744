"""Fixtures that several rooms share."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from PIL import Image

import nas  # noqa: F401  sets how OpenMP waits, before torch is imported

import torch  # isort: skip

torch.set_num_threads(1)  # each process of tests has one core

SETTINGS = tempfile.TemporaryDirectory(prefix="ultralytics-")  # removed when the process ends
os.environ.setdefault("YOLO_CONFIG_DIR", SETTINGS.name)  # a test does not write the user's settings of Ultralytics

ROOT = Path(__file__).parent.parent
OPEN, SAVE = Image.open, torch.save


@pytest.fixture(autouse=True)
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore Pillow and torch: once a test has imported Ultralytics, it patches both for the process."""
    monkeypatch.setattr(Image, "open", OPEN)
    monkeypatch.setattr(torch, "save", SAVE)


@pytest.fixture(scope="session")
def bccd() -> Path:
    """The real detection set beside the project; a test is skipped where it is missing."""
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
    """A folder for the tables and caches of one test, without shipped tables: one might fit this machine."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("PARETO_YOLO_HOME", str(folder))
    for user in ("opening", "listing"):
        monkeypatch.setattr(f"nas.latency.{user}.shipped", lambda name: folder / "shipped" / name)
    return folder


QUICK_ROOMS = {"objectives", "spaces"}
"""Folders whose files take seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files for two processes that take one file after the other.

    Files that run complete commands come first. Integrations come late: Ultralytics patches Pillow and torch.save in
    the process that imports it. Quick files come last, so that both processes end at the same time.
    """

    def turn(item: pytest.Item) -> int:
        rooms = item.path.parts[len(ROOT.parts) + 1 : -1]
        if "commands" in rooms or item.path.name == "test_docs.py":
            return 0
        if "integrations" in rooms:
            return 2
        return 3 if not rooms or QUICK_ROOMS.intersection(rooms) else 1

    items.sort(key=turn)
