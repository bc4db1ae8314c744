"""Conformance of loggers: each registered one records trials and a front, and continues after a resume.

The suite runs for every logger whose package is installed: pip install '.[tensorboard,mlflow,wandb]'.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from PIL import Image

from nas.config import SearchConfig
from nas.errors import ConfigError, InputError
from nas.integrations.loggers import registry
from nas.integrations.loggers.base import ExperimentLogger, LoggedRun
from nas.integrations.loggers.registry import LOGGERS, check_logger, open_logger
from nas.runs.trials import TrialRecord, TrialState
from nas.search.run_loggers import RunLoggers, open_loggers
from tests.reports.made import make

FRONT = [{"name": "01-a", "architecture": "a", "score": 0.1, "latency_ms": 2.0}, {"name": "02-b", "score": 0.3}]


@pytest.fixture(params=LOGGERS)
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    package = LOGGERS[request.param].package
    pytest.importorskip(package, reason=f"{package} is not installed: pip install '.[{request.param}]'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)  # where MLflow keeps the files of a local store
    return str(request.param)


def scores(name: str, folder: Path, key: str) -> Mapping[int, float] | None:
    """Recorded scores of trials by number; None where the tracker cannot be read without an account."""
    if name == "tensorboard":
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder / "tensorboard"))
        events.Reload()
        return {event.step: event.value for event in events.Scalars("trial/score")}
    if name == "mlflow":
        from mlflow.tracking import MlflowClient

        client = MlflowClient()
        (experiment,) = [found.experiment_id for found in client.search_experiments() if found.name == "pareto-yolo"]
        (run,) = client.search_runs([experiment], f"tags.`pareto_yolo.key` = '{key}'")
        assert run.info.status == "FINISHED"
        assert run.data.params["budget"] == "5"
        assert "pareto.png" in {file.path for file in client.list_artifacts(run.info.run_id)}
        return {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, "trial/score")}
    return None


def test_trials_and_front_are_recorded_and_continued(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "pareto.png")
    run = LoggedRun(folder, "0123456789abcdef", {"budget": "5", "space": "tiny"})
    first = open_logger(name, run)
    assert first.place
    first.trial(0, {"score": 0.25, "latency_ms": 3.0}, "yolov8n.1/p2:c2f")
    first.trial(1, {"latency_ms": 9.0}, "over a limit: no score")
    first.close(finished=False)
    resumed = open_logger(name, run)
    resumed.trial(2, {"score": 0.5}, "yolov8n.1/p2:faster")
    resumed.front(FRONT, [folder / "pareto.png"])
    resumed.close(finished=True)
    found = scores(name, folder, run.key)
    assert found is None or found == pytest.approx({0: 0.25, 2: 0.5})
    if name == "wandb":
        assert any(path.suffix == ".wandb" for path in (folder / "wandb").rglob("*"))


@pytest.mark.parametrize("name", LOGGERS)
def test_a_missing_package_is_refused_with_its_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda package: None)
    with pytest.raises(InputError, match=rf"not installed; run .*install .*\[{name}\]'") as error:
        check_logger(name)
    assert (error.value.field, error.value.value) == ("logger", name)


def test_an_unknown_logger_is_refused() -> None:
    with pytest.raises(ConfigError, match="known are tensorboard, mlflow, wandb") as error:
        SearchConfig(logger=("comet",))
    assert error.value.field == "logger"
    assert SearchConfig(logger=("mlflow", "mlflow")).logger == ("mlflow",)


def test_the_protocol_has_a_docstring_for_every_method() -> None:
    methods = [method for key, method in vars(ExperimentLogger).items() if inspect.isfunction(method) and key[0] != "_"]
    assert len(methods) == 3
    assert all(method.__doc__ for method in methods)


class Recorder:
    """A logger in memory. Its server goes away at trial 2."""

    def __init__(self, run: LoggedRun) -> None:
        self.run, self.numbers, self.models, self.closed = run, [], [], None  # type: ignore[var-annotated]

    place = "memory"

    def trial(self, number: int, values: Mapping[str, float], architecture: str) -> None:
        if number == 2:
            raise ConnectionError("no route to host")
        json.dumps(values)
        self.numbers.append((number, dict(values)))

    def front(self, models: object, files: object) -> None:
        self.models = (models, files)

    def close(self, finished: bool) -> None:
        self.closed = finished


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    made: list[Recorder] = []

    def opened(name: str, run: LoggedRun) -> Recorder:
        made.append(Recorder(run))
        return made[-1]

    monkeypatch.setattr("nas.search.run_loggers.open_logger", opened)
    return made


def test_a_search_records_trials_and_front(tmp_path: Path, recorders: list[Recorder]) -> None:
    run = make(tmp_path, count=4).run
    study = optuna.create_study(directions=["maximize", "minimize"])
    with open_loggers(("mlflow",), run, study, print) as loggers:
        loggers.trial(TrialRecord(0, TrialState.TRAINED, "a", 0.5, 2.0, 3, 4, 5, 1, 6.0))
        loggers.trial(TrialRecord(1, TrialState.GATED, "b", latency_ms=9.0))
        loggers.front(run)
    with open_loggers(("mlflow",), run, study, print):
        pass
    first, again = recorders
    assert first.run.key == again.run.key  # a resumed run continues its record
    assert first.run.options["space"] == "tiny"
    assert first.numbers[0][1] == {
        "score": 0.5,
        "latency_ms": 2.0,
        "params": 3,
        "macs": 4,
        "weight_bytes": 5,
        "seconds": 6.0,
    }
    assert first.numbers[1] == (1, {"latency_ms": 9.0})
    models, files = first.models
    assert [model["name"] for model in models] == [model.name for model in run.front]
    assert {"pareto.csv", "run.json", f"{run.front[0].name}.yaml"} <= {file.name for file in files}
    assert (first.closed, again.closed) == (True, False)


def test_a_tracker_that_fails_is_dropped_and_the_search_goes_on(recorders: list[Recorder]) -> None:
    said: list[str] = []
    lost, other = Recorder(SimpleNamespace()), Recorder(SimpleNamespace())  # type: ignore[arg-type]
    other.trial = lambda number, values, architecture: other.numbers.append(number)  # type: ignore[method-assign]
    loggers = RunLoggers(said.append, {"mlflow": lost, "wandb": other})
    for number in range(4):
        loggers.trial(TrialRecord(number, TrialState.TRAINED, "a", 0.5))
    assert said == ["logger mlflow: records no more: ConnectionError: no route to host"]
    assert [number for number, _ in lost.numbers] == [0, 1]
    assert other.numbers == [0, 1, 2, 3]


def test_a_tracker_that_cannot_be_opened_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, run: LoggedRun) -> None:
        raise ConnectionError("no server")

    monkeypatch.setattr("nas.search.run_loggers.open_logger", refuse)
    run, study = make(tmp_path, count=4).run, optuna.create_study(directions=["maximize", "minimize"])
    with pytest.raises(ConfigError, match="no server") as error, open_loggers(("wandb",), run, study, print):
        pass
    assert error.value.field == "logger"
