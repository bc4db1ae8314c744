"""Two hundred trials among faults of every kind."""

from __future__ import annotations

import hashlib
import importlib
import math
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nas.config import RUNGS
from nas.detectors.rows import Detector
from nas.execution.local_workers import LocalWorkers
from nas.objectives.limits import Limits
from nas.objectives.pareto import pareto
from nas.progress import silent
from nas.runs.study import open_study
from nas.runs.trials import TrialState, read_trials
from nas.search.driver import Driver
from nas.search.halving import Halving
from nas.search.samplers import SAMPLERS
from nas.spaces.space import load_space
from tests.search.made_up import TARGET

# Children import what they run by name, so it cannot live in this file.
STUB = """
import os, time
from nas.proxies.outcome import Outcome, ProxyError
from test_faults import fate

class Stub:
    def prepare(self):
        pass

    def score(self, detector, seed):
        kind, value = fate(detector)
        if kind == "exception":
            raise RuntimeError("a kernel that is not there")
        if kind == "nan loss":
            raise ProxyError("the training loss became nan at step 3 of 120")
        if kind == "inf score":
            return Outcome(float("inf"), 0.0, ())
        if kind == "nan score":
            return Outcome(float("nan"), 0.0, ())
        if kind == "memory":
            raise MemoryError("no memory left")
        if kind == "image":
            raise FileNotFoundError("images/train/7.jpg: no such file")
        if kind == "killed":
            os.kill(os.getpid(), 9)
        if kind == "timeout":
            time.sleep(600)
        return Outcome(value, 0.0, ())

def make():
    return Stub()
"""
FAULTS = {
    "exception": "RuntimeError: a kernel that is not there",
    "nan loss": "ProxyError: the training loss became nan at step 3 of 120",
    "inf score": "ProxyError: the score is inf",
    "nan score": "ProxyError: the score is nan",
    "memory": "MemoryError: no memory left",
    "image": "FileNotFoundError: images/train/7.jpg: no such file",
    "killed": "KilledError: its process died, of memory running out or killed from outside",
    "timeout": "KilledError: took more than its time limit of 2 seconds",
}


def fate(detector: Detector) -> tuple[str, float]:
    """Fate of a candidate, and its score if nothing happens."""
    digest = hashlib.sha256(f"1 {detector!r}".encode()).digest()
    draw = digest[0]
    # Of 256: 10 of each fault that is quick, and 4 of those after which a process has to be started again.
    slow, quick = ("killed", "timeout"), [kind for kind in FAULTS if kind not in ("killed", "timeout")]
    if draw < 60:
        return quick[draw // 10], 0.0
    return (slow[(draw - 60) // 4] if draw < 68 else ""), 0.1 + int.from_bytes(digest[1:3]) / 2**17


@pytest.mark.slow
def test_every_fault_is_recorded_and_none_moves_the_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stub_proxy_with_faults.py").write_text(STUB)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    make = importlib.import_module("stub_proxy_with_faults").make
    space = load_space("yolov8n")
    study = open_study(f"sqlite:///{tmp_path / 'study.db'}", "study", "AP50-95 (proxy)")
    workers = LocalWorkers(make, count=2, threads=1, limit=2)
    driver = Driver(study, space, TARGET, workers.score, SAMPLERS["random"](), 1, 200, Limits(), workers=2)
    assert fate(space.stock().detector(3))[0] == ""
    try:
        assert driver.run(lambda record: None) == "the budget is spent"
        rows = read_trials(study)
    finally:
        workers.pause()
    trained, failed = ([row for row in rows if row.state == state] for state in (TrialState.TRAINED, TrialState.FAILED))
    assert len(trained) == 200
    assert {row.state for row in rows} <= {"trained", "failed", "duplicate"}
    for row in trained:
        kind, score = fate(row.architecture.detector(3))
        assert (kind, row.score) == ("", score)
    for row in failed:
        assert row.reason == FAULTS[fate(row.architecture.detector(3))[0]]
        assert row.score is None
    assert set(Counter(row.reason for row in failed)) == set(FAULTS.values())
    best = {trained[index].arch for index in pareto([row.point() for row in trained])}
    scored = partial(_climbing, {row.arch: row.point()[0] for row in trained}, space)
    finalists = Halving(study, scored, TARGET, seed=1, rungs=RUNGS).run(trained, silent)
    assert all(math.isfinite(finalist.score) for finalist in finalists)
    assert {finalist.row.arch for finalist in finalists} & best
    front = {trial.user_attrs["arch"] for trial in study.best_trials}
    assert front == best


def _climbing(
    scores: dict[str, float], space: Any, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0
) -> Any:
    from concurrent.futures import Future

    from nas.proxies.outcome import Outcome

    future: Future[Outcome] = Future()
    future.set_result(Outcome(scores[str(space.member(detector))], 0.0, ()))
    return future
