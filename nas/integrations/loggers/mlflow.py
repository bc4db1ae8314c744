"""MLflow logger: a run of the tracking server that MLFLOW_TRACKING_URI names, or of MLflow's local store."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from nas.integrations.loggers.base import LoggedRun

EXPERIMENT = "pareto-yolo"
"""Name of the experiment; MLFLOW_EXPERIMENT_NAME replaces it."""
_KEY, _ARCHITECTURES = "pareto_yolo.key", "architectures"
_MAX_VALUE = 500
"""Longest value of a parameter that every release of MLflow stores."""


class MLflowLogger:
    """Writes metrics by trial number; in ``front/`` the step is the rank of a model. Architectures are an artifact."""

    def __init__(self, run: LoggedRun) -> None:
        self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self._client.get_experiment_by_name(name)
        experiment = self._client.create_experiment(name) if found is None else found.experiment_id
        earlier = self._client.search_runs([experiment], f"tags.`{_KEY}` = '{run.key}'", max_results=1)
        if earlier:
            self._run = earlier[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
        else:
            created = self._client.create_run(experiment, run_name=run.folder.name, tags={_KEY: run.key})
            self._run = created.info.run_id
            params = [Param(key, value[:_MAX_VALUE]) for key, value in run.options.items()]
            tags = [RunTag("run_directory", str(run.folder.resolve()))]
            self._client.log_batch(self._run, params=params, tags=tags)
        self._name = name

    @property
    def place(self) -> str:
        return f"{self._client.tracking_uri}, experiment {self._name}, run {self._run}"

    def trial(self, number: int, values: Mapping[str, float], architecture: str) -> None:
        self._metrics("trial", number, values)
        self._client.log_text(self._run, architecture, f"{_ARCHITECTURES}/{number:05d}.txt")

    def front(self, models: Sequence[Mapping[str, float | str]], files: Sequence[Path]) -> None:
        for rank, model in enumerate(models, 1):
            self._metrics("front", rank, {key: value for key, value in model.items() if not isinstance(value, str)})
        self._client.log_dict(self._run, {"front": [dict(model) for model in models]}, "front.json")
        for file in files:
            self._client.log_artifact(self._run, str(file))

    def close(self, finished: bool) -> None:
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")

    def _metrics(self, group: str, step: int, values: Mapping[str, float]) -> None:
        now = int(1000 * time.time())
        metrics = [Metric(f"{group}/{name}", float(value), now, step) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)
