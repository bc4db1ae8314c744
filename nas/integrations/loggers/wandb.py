"""Weights & Biases logger: a run of the project that WANDB_PROJECT names; WANDB_MODE=offline needs no account."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import wandb

from nas.integrations.loggers.base import LoggedRun

PROJECT = "pareto-yolo"
"""Name of the project; WANDB_PROJECT replaces it."""


class WandbLogger:
    """Writes a history by trial number, the front as a table, and files as an artifact."""

    def __init__(self, run: LoggedRun) -> None:
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run.key,
            name=run.folder.name,
            dir=str(run.folder),
            config=dict(run.options),
            resume="allow",
            settings=wandb.Settings(silent=True, console="off"),
        )

    @property
    def place(self) -> str:
        return f"wandb sync {Path(self._run.dir).parent}" if self._run.offline else str(self._run.url)

    def trial(self, number: int, values: Mapping[str, float], architecture: str) -> None:
        self._run.log({f"trial/{name}": value for name, value in values.items()} | {"trial": number}, step=number)
        self._run.summary[f"architecture/{number}"] = architecture

    def front(self, models: Sequence[Mapping[str, float | str]], files: Sequence[Path]) -> None:
        columns = list(dict.fromkeys(key for model in models for key in model))
        table = wandb.Table(columns=columns, data=[[model.get(column) for column in columns] for model in models])
        self._run.log({"front": table})
        artifact = wandb.Artifact(f"front-{self._run.id}", type="pareto-front")
        for file in files:
            artifact.add_file(str(file), name=file.name)
        self._run.log_artifact(artifact)

    def close(self, finished: bool) -> None:
        self._run.finish(exit_code=0 if finished else 1)
