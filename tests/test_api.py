"""The public names: a search from Python, its progress, its result, and how it is stopped and repeated."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import chdir, contextmanager
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import nas
from nas import cli
from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.execution.local_workers import LocalWorkers
from nas.proxies.outcome import Outcome
from nas.runs.record import RunStatus
from nas.runs.trials import TrialRecord
from nas.search.__main__ import app
from nas.search.reporter import TerminalSearchReporter

OPTIONS = {"space": "tiny", "runtime": "fake", "imgsz": 64, "budget": 5, "steps": 2, "workers": 1, "cache": False}
COLUMNS = ["number", "state", "arch", "score", "latency_ms"]


class Recorder:
    """A reporter of a program's own."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.bars: dict[str, list[float]] = {}
        self.ended: list[TrialRecord] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Callable[[float], None]]:
        yield self.bars.setdefault(title, []).append

    @contextmanager
    def trials(
        self, budget: int, done: Sequence[TrialRecord], minimize: Sequence[str], workers: int
    ) -> Iterator[Callable[[TrialRecord], None]]:
        assert (budget, tuple(minimize), workers) == (5, ("latency",), 1)
        yield self.ended.append


@pytest.fixture(autouse=True)
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained: a score follows from the size and the seed."""

    def score(
        self: LocalWorkers, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0
    ) -> Future[Outcome]:
        done: Future[Outcome] = Future()
        done.set_result(Outcome(0.1 + cost(detector, 64).params / 1e8 + seed / 1e4, 0.0, ()))
        return done

    monkeypatch.setattr(LocalWorkers, "score", score)


def test_a_search_from_python(tmp_path: Path) -> None:
    reporter = Recorder()
    result = nas.run_search(nas.SearchConfig(out=tmp_path / "run", **OPTIONS), reporter)
    assert sum(trial.trained for trial in reporter.ended) == 5
    assert all(shares == sorted(shares) for shares in reporter.bars.values())
    assert any(title.startswith("latency table") and shares[-1] == 1 for title, shares in reporter.bars.items())
    assert any(str(tmp_path / "run") in line for line in reporter.said)
    assert [model.latency_ms for model in result.front] == sorted(model.latency_ms or 0 for model in result.front)
    assert all(Path(model.yaml).is_absolute() and Path(model.yaml).is_file() for model in result.front)
    assert result.stock.stock and result.score_noise.repeats == 5
    run = nas.load_run(tmp_path / "run")
    assert (run.front, run.stock, run.record) == (result.front, result.stock, result.run.record)
    assert [trial.arch for trial in run.trials] == [trial.arch for trial in reporter.ended]
    assert run.finished and run.config.steps == 2


def test_an_option_that_is_wrong_raises(tmp_path: Path) -> None:
    with pytest.raises(nas.ConfigError) as refused:
        nas.SearchConfig(budget=0)
    assert refused.value.field == "budget"
    with pytest.raises(nas.ConfigError) as refused:
        nas.run_search(nas.SearchConfig(**{**OPTIONS, "space": "nowhere", "out": tmp_path / "run"}), Recorder())
    assert not (tmp_path / "run").exists()


def test_ctrl_c_leaves_a_run_that_resumes(tmp_path: Path) -> None:
    class Stops(Recorder):
        @contextmanager
        def trials(self, *arguments: object) -> Iterator[Callable[[TrialRecord], None]]:
            def ended(trial: TrialRecord) -> None:
                self.ended.append(trial)
                if len(self.ended) == 2:
                    signal.raise_signal(signal.SIGINT)

            yield ended

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        stopped = Stops()
        with pytest.raises(KeyboardInterrupt):
            nas.run_search(nas.SearchConfig(out=tmp_path / "broken", **OPTIONS), stopped)
    finally:
        signal.signal(signal.SIGINT, before)
    assert nas.load_run(tmp_path / "broken").record.status is RunStatus.INTERRUPTED
    assert "--resume" in stopped.said[-1]
    config = nas.SearchConfig(out=tmp_path / "broken", resume=True, **OPTIONS)
    resumed = nas.run_search(config, Recorder())
    unbroken = nas.run_search(nas.SearchConfig(out=tmp_path / "unbroken", **OPTIONS), Recorder())
    assert [model.arch for model in resumed.front] == [model.arch for model in unbroken.front]


def test_a_run_is_repeated_from_its_file(tmp_path: Path) -> None:
    with chdir(tmp_path):
        reporter = TerminalSearchReporter(Console(file=StringIO()))
        nas.run_search(nas.SearchConfig(out="first", seed=3, **OPTIONS), reporter)
        options = ["--config", "first/run.json", "--out", "again", "--no-cache"]
        with pytest.raises(SystemExit) as ended:
            cli.run(lambda: app(options, standalone_mode=False))
    assert ended.value.code == 0
    first, again = (pd.read_csv(tmp_path / out / "trials.csv")[COLUMNS] for out in ("first", "again"))
    pd.testing.assert_frame_equal(first, again)
    assert nas.load_run(tmp_path / "again").config.identity() == nas.load_run(tmp_path / "first").config.identity()


def test_every_public_name_exists() -> None:
    assert len(set(nas.__all__)) == len(nas.__all__) <= 36
    assert all(getattr(nas, name) is not None and name in dir(nas) for name in nas.__all__)
    with pytest.raises(AttributeError, match="run_serch"):
        _ = nas.run_serch
