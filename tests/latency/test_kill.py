"""kill -9 at any moment of a build, and two builds at once: nothing that was saved is lost, nothing doubled."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from filelock import FileLock

from nas.latency.header import Header
from nas.latency.opening import builder_for
from nas.latency.runtimes.registry import choose
from nas.latency.store import Entries, load
from nas.latency.table import LatencyTable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

_spec = importlib.util.spec_from_file_location("builder", Path(__file__).with_name("builder.py"))
assert _spec is not None and _spec.loader is not None
builder = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(builder)

KILLS = 20
PAUSE = 4e-3


@pytest.fixture(scope="module")
def process() -> Iterator[Any]:
    made = builder.Builder()
    yield made
    made.close()


def complete_table(folder: Path, rows: str) -> LatencyTable:
    """Built without a break, in this process and in one batch."""
    stock, wanted = builder.ROWS[rows]()
    table = builder_for(choose("fake"), folder / f"complete-{rows}.csv")
    table.ensure(wanted)
    table.calibrate([stock], 64)
    return table.table


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> LatencyTable:
    return complete_table(tmp_path_factory.mktemp("complete"), "space")


class Attempt(NamedTuple):
    """End of a build: its exit code, the entries that it last reported as saved, and the reference then."""

    code: int
    saved: int
    reference_ms: float | None


def attempt(
    process: Any, job: dict[str, Any], until: str = "", times: int = 0, seconds: float | None = None
) -> Attempt:
    """Run a build; with ``seconds``, kill it so long after it has reported ``until`` so many times."""
    process.start(job)
    pid, seen, saved, reference = 0, 0, 0, None
    while True:
        if seconds is not None and pid and seen >= times:
            time.sleep(seconds)
            with contextlib.suppress(ProcessLookupError):  # it was quicker
                os.kill(pid, signal.SIGKILL)
            seconds = None
        _, what, *facts = process.event()
        if what == "started":
            (pid,) = facts
        elif what == "saved":
            saved, reference = facts
        elif what == "exit":
            return Attempt(facts[0], saved, reference)
        seen += what == until


def held(path: Path) -> tuple[Header | None, Entries]:
    """Content of a table's files; no file, no table. The next build opens it first."""
    table = builder_for(choose("fake"), path)
    if not path.exists():
        return None, {}
    assert path.read_bytes().count(b"\n") == 1 + len(table.table)
    return table.table.header, table.table.entries


def test_killed_twenty_times(process: Any, complete: LatencyTable, tmp_path: Path) -> None:
    """The entries come in one order: what is there has to be the beginning of the complete table."""
    rng = np.random.default_rng(0)
    path, before, kept, killed = tmp_path / "0.csv", 0, [], 0
    expected = list(complete.entries.items())
    while killed < KILLS:
        job = {"path": str(path), "rows": "space", "pause": PAUSE}
        found = attempt(process, job, "saved", int(rng.integers(3)), rng.uniform(0, 0.08))
        header, entries = held(path)
        assert list(entries.items()) == expected[: len(entries)]
        assert len(entries) >= max(before, found.saved)
        assert header is None or replace(header, date="", calibrations={}) == replace(
            complete.header, date="", calibrations={}
        )
        kept.append(len(entries))
        before = len(entries)
        if found.code == 0:  # done before it was killed: another one
            assert path.read_bytes() == complete.path.read_bytes()
            path, before = tmp_path / f"{killed}.csv", 0
        else:
            assert found.code == -signal.SIGKILL
            killed += 1
    assert len(set(kept)) > KILLS / 4
    assert attempt(process, {"path": str(path), "rows": "space"}).code == 0
    assert path.read_bytes() == complete.path.read_bytes()
    assert replace(held(path)[0], date="") == replace(complete.header, date="")


def test_killed_while_calibrating(process: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    stock = complete_table(tmp_path, "stock")
    done = replace(stock.header, date="")
    path, job = tmp_path / "t.csv", {"path": str(tmp_path / "t.csv"), "rows": "stock"}
    assert attempt(process, job, "measured", 1, 0).code == -signal.SIGKILL
    calibrated = []
    for _ in range(8):
        for suffix in (".csv", ".json"):
            shutil.copy(path.with_suffix(suffix), tmp_path / f"again{suffix}")
        again = job | {"path": str(tmp_path / "again.csv")}
        attempt(process, again | {"pause": PAUSE}, "measured", 1, rng.uniform(0, 0.07))
        header, entries = held(tmp_path / "again.csv")
        assert entries == stock.entries
        assert header is not None
        assert replace(header, date="") in (done, replace(done, calibrations={}))
        calibrated.append(bool(header.calibrations))
        assert attempt(process, again).code == 0
        header, entries = held(tmp_path / "again.csv")
        assert (replace(header, date=""), entries) == (done, stock.entries)
        assert (tmp_path / "again.csv").read_bytes() == stock.path.read_bytes()
    assert not all(calibrated)


@pytest.mark.parametrize("early", [256, 0])
def test_killed_while_a_reference_changes(process: Any, tmp_path: Path, early: int) -> None:
    """Three batches are saved in a slow window, then the machine is quick: what was saved is dropped and measured anew
    where that is little, else given the new reference's units. At no moment do times stand with another's reference."""
    rng = np.random.default_rng(2)
    stock = complete_table(tmp_path, "stock")
    quick = stock.header
    slow, without, references = quick.reference_ms * builder.SLOWNESS, 0, []

    def check(path: Path) -> int:
        header, entries = load(path)
        references.append(header.reference_ms)
        assert header.reference_ms in (pytest.approx(slow), pytest.approx(quick.reference_ms))
        units = header.reference_ms / quick.reference_ms
        assert header.overhead_ms == pytest.approx(units * quick.overhead_ms)
        for key, value in entries.items():
            assert value.ms == pytest.approx(units * stock.entries[key].ms)
        return len(entries)

    # A batch writes the JSON's older state, the JSON and the CSV, the first only the last two: the eighth is the CSV of
    # the third batch, the eleventh that of the first in other units.
    for times in range(3 * builder.SLOW_BATCHES - 1, 3 * builder.SLOW_BATCHES + 5):
        path = tmp_path / f"{times}.csv"
        job = {"path": str(path), "rows": "stock", "slow": True, "early": early}
        found = attempt(process, job | {"pause": PAUSE}, "replacing", times, rng.uniform(0, PAUSE))
        assert found.code == -signal.SIGKILL
        without += not path.exists()
        saved = check(path) if path.exists() else 0
        if early == 0:
            assert saved >= found.saved
        assert attempt(process, job).code == 0
        assert check(path) == len(stock)
    assert (without > 0) == (early > 0)
    assert min(references) == pytest.approx(quick.reference_ms)
    assert max(references) == pytest.approx(slow)


def test_two_processes_build_one_table(process: Any, tmp_path: Path) -> None:
    """The second waits by the lock, then finds what the first has measured."""
    complete = complete_table(tmp_path, "stock")
    path = tmp_path / "t.csv"
    process.start(*({"path": str(path), "rows": rows, "pause": PAUSE} for rows in ("stock", "backwards", "space")))
    preparing: dict[int, list[float]] = {}
    saved: dict[int, int] = {}
    codes = {}
    while len(codes) < 3:
        job, what, *facts = process.event()
        if what == "preparing":
            preparing.setdefault(job, []).append(facts[0])
        elif what == "saved":
            saved[job] = saved.get(job, 0) + 1
        elif what == "exit":
            codes[job] = facts[0]
    assert codes == {0: 0, 1: 0, 2: 0}
    header, entries = held(path)
    space = complete_table(tmp_path, "space").entries
    assert entries == space
    assert header is not None and header.calibrations == complete.header.calibrations
    assert not {0, 1} <= saved.keys()  # what the one had measured, the other did not measure again
    assert 2 in saved or len(entries) == len(complete)


def test_a_build_waits_by_the_lock(process: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with FileLock(f"{path}.lock"):
        process.start({"path": str(path), "rows": "stock"})
        assert process.event()[1] == "started"
        assert not select.select([process.process.stdout], [], [], 0.5)[0]
        assert [file.name for file in tmp_path.iterdir()] == ["t.csv.lock"]
    events = [process.event()]
    while events[-1][1] != "exit":
        events.append(process.event())
    assert events[-1][2] == 0
    assert len(held(path)[1]) == len(complete_table(tmp_path, "stock"))


def test_what_another_process_added_meanwhile_is_kept_when_a_table_goes_on(process: Any, tmp_path: Path) -> None:
    """A table that was begun here is begun again only within one hold of its lock."""
    path = tmp_path / "t.csv"
    _, rows = builder.ROWS["stock"]()
    here = builder_for(choose("fake"), path)
    here.ensure(rows[:2])
    assert attempt(process, {"path": str(path), "rows": "stock"}).code == 0
    there = held(path)[1]
    assert here._bench is not None
    here._bench.nominal *= 2
    here._bench.level /= 2
    here.ensure(builder.ROWS["space"]()[1])
    assert held(path)[1].items() >= there.items()
