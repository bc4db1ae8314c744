"""Scoring in child processes: results, faults, dead children, and an end to all of it."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.execution.errors import KilledError
from nas.execution.local_workers import LocalWorkers

# Children import what they run by name, so it cannot live in this file.
STUB = """
import os, time
from nas.proxies.outcome import Outcome

class Stub:
    def prepare(self):
        pass

    def score(self, detector, seed):
        if detector.nc == 99:
            os._exit(1)
        if detector.nc == 98:
            raise ValueError("the loss became nan")
        if detector.nc == 97:
            time.sleep(600)
        time.sleep(0.3 if detector.nc == 1 else 0.0)
        return Outcome(detector.nc + seed / 10, 0.0, ())

def make():
    return Stub()
"""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    (tmp_path / "stub_proxy_for_workers.py").write_text(STUB)
    monkeypatch.syspath_prepend(tmp_path)
    function: Callable[[], Any] = importlib.import_module("stub_proxy_for_workers").make
    return function


def detectors(*classes: int) -> list[Detector]:
    return [TEMPLATES["yolov8n"].stock(nc) for nc in classes]


def test_results_and_faults_reach_who_asked(make: Callable[[], Any]) -> None:
    workers = LocalWorkers(make, count=2, threads=1)
    try:
        first, second, third = [workers.score(detector, 2) for detector in detectors(1, 98, 3)]
        assert (first.result().score, third.result().score) == (1.2, 3.2)
        with pytest.raises(ValueError, match="the loss became nan"):
            second.result()
    finally:
        workers.pause()


def test_a_dead_child_is_replaced(make: Callable[[], Any]) -> None:
    workers = LocalWorkers(make, count=1, threads=1)
    dead, alive = detectors(99, 5)
    try:
        with pytest.raises(KilledError, match="its process died"):
            workers.score(dead, 0).result()
        assert workers.score(alive, 0).result().score == 5
    finally:
        workers.pause()


def test_a_child_that_dies_while_it_has_nothing_to_do_is_replaced(make: Callable[[], Any]) -> None:
    workers = LocalWorkers(make, count=1, threads=1)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    try:
        assert workers.score(detectors(5)[0], 0).result().score == 5
        started = [c for c in psutil.Process().children(recursive=True) if c.pid not in before]
        for child in started:
            child.kill()
        psutil.wait_procs(started, timeout=10)
        assert workers.score(detectors(6)[0], 0).result().score == 6
    finally:
        workers.pause()


def test_a_candidate_is_killed_at_its_time_limit_alone(make: Callable[[], Any]) -> None:
    workers = LocalWorkers(make, count=2, threads=1, limit=3.0)
    endless, *others = detectors(97, *[1] * 15)
    try:
        killed, *scored = [workers.score(detector, 0) for detector in (endless, *others)]
        with pytest.raises(KilledError, match="more than its time limit of 3 seconds"):
            killed.result()
        assert [future.result().score for future in scored] == [1] * 15
    finally:
        workers.pause()


def test_a_process_that_cannot_start_is_no_candidates_fault(make: Callable[[], Any]) -> None:
    workers = LocalWorkers(int, count=1, threads=1)  # type: ignore[arg-type]  # a number has nothing to prepare
    try:
        with pytest.raises(KilledError, match="did not start"):
            workers.score(detectors(1)[0], 0).result()
    finally:
        workers.pause()


def test_pause_ends_the_children_whatever_they_do(make: Callable[[], Any]) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    workers = LocalWorkers(make, count=2, threads=1)
    busy, quick = [workers.score(detector, 0) for detector in detectors(97, 2)]
    assert quick.result().score == 2
    assert not busy.done()
    workers.pause()
    after = [c for c in psutil.Process().children(recursive=True) if c.pid not in before]
    assert [c for c in after if "spawn_main" in " ".join(c.cmdline()) and "--multiprocessing-fork" in c.cmdline()] == []


def test_processes_do_not_outlive_a_killed_driver(make: Callable[[], Any], tmp_path: Path) -> None:
    code = (
        "import time; from stub_proxy_for_workers import make; from nas.execution.local_workers import LocalWorkers; "
        "from nas.detectors.templates import TEMPLATES\n"
        "if __name__ == '__main__':\n"
        "    workers = LocalWorkers(make, 2, 1); [workers.score(TEMPLATES['yolov8n'].stock(97), 0) for _ in range(2)]; "
        "time.sleep(600)\n"
    )
    (tmp_path / "driver.py").write_text(code)
    driver = psutil.Popen([sys.executable, "driver.py"], cwd=tmp_path)
    try:
        deadline = time.monotonic() + 120
        while len(children := [c for c in driver.children() if "spawn_main" in str(c.cmdline())]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(1)
    finally:
        driver.kill()
        driver.wait()
    gone, left = psutil.wait_procs(children, timeout=60)
    assert (len(gone), left) == (2, [])
