"""A build that was stopped goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nas.latency.builder as module
from nas.detectors.templates import TEMPLATES
from nas.latency import prepared_rows
from nas.latency.modules import build
from nas.latency.opening import builder_for
from nas.latency.runtimes.fake import FakeRuntime
from nas.latency.runtimes.registry import choose

ROWS = list(TEMPLATES["yolov8n"].stock(2).resolve(64))

SLOW_BUILD = """
import sys, time
from pathlib import Path
import nas.latency.builder as module
from nas.detectors.templates import TEMPLATES
from nas.latency.runtimes.fake import FakeRuntime
from nas.latency.opening import builder_for

module.BATCH = 2
prepare = FakeRuntime.prepare
FakeRuntime.prepare = lambda *args: (time.sleep(0.1), prepare(*args))[1]
builder_for(FakeRuntime(), Path(sys.argv[1])).ensure(TEMPLATES["yolov8n"].stock(2).resolve(64))
"""


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of preparations."""
    calls: list[int] = []
    prepare = FakeRuntime.prepare

    def counting(*args: object) -> object:
        calls.append(1)
        return prepare(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeRuntime, "prepare", counting)
    monkeypatch.setattr(module, "BATCH", 4)
    return calls


class StopError(Exception):
    pass


def test_what_was_measured_is_kept(tmp_path: Path, counted: list[int]) -> None:
    def stop(share: float) -> None:
        if share > 0.3:
            raise StopError

    path = tmp_path / "t.csv"
    with pytest.raises(StopError):
        builder_for(choose("fake"), path).ensure(ROWS, stop)
    kept = len(builder_for(choose("fake"), path).table)
    assert kept > 0
    counted.clear()
    table = builder_for(choose("fake"), path)
    table.ensure(ROWS)
    assert len(counted) == len(table.table) - kept + 1  # the reference kernel is prepared too
    counted.clear()
    table.ensure(ROWS)
    assert not counted


def test_a_failing_row_loses_nothing_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 4)

    def fail(resolved: object) -> object:
        if getattr(resolved, "index", None) == 9:
            raise RuntimeError("no such kernel")
        return build(resolved)  # type: ignore[arg-type]

    monkeypatch.setattr(prepared_rows, "build", fail)
    with pytest.raises(RuntimeError, match="no such kernel"):
        builder_for(choose("fake"), tmp_path / "t.csv").ensure(ROWS)
    assert len(builder_for(choose("fake"), tmp_path / "t.csv").table) >= 8


def test_another_builders_entries_are_taken_over(tmp_path: Path, counted: list[int]) -> None:
    first, second = (builder_for(choose("fake"), tmp_path / "t.csv") for _ in range(2))
    first.ensure(ROWS)
    counted.clear()
    second.ensure(ROWS)
    assert len(counted) == 1
    assert len(second.table) == len(first.table)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_build_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    builder = subprocess.Popen([sys.executable, "-c", SLOW_BUILD, str(path)], env=dict(os.environ))
    limit = time.monotonic() + 120
    while not path.exists() and time.monotonic() < limit and builder.poll() is None:
        time.sleep(0.02)
    builder.send_signal(signal.SIGKILL)
    assert builder.wait() == -signal.SIGKILL
    table = builder_for(choose("fake"), path)
    kept = len(table.table)
    assert kept > 0
    table.ensure(ROWS)
    assert len(table.table) > kept
    whole = builder_for(choose("fake"), tmp_path / "whole.csv")
    whole.ensure(ROWS)
    assert path.read_text() == whole.table.path.read_text()
