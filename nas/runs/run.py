"""A run: its record, front, trials and study, read from its directory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nas.config import SearchConfig
from nas.errors import ConfigError
from nas.runs.finalists import Finalist
from nas.runs.next_commands import resume_command, training_data
from nas.runs.recommendation import Recommendation, recommend
from nas.runs.record import RunRecord, RunResult, RunStatus
from nas.runs.score_noise import CHANCE

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    from optuna.storages import RDBStorage

    from nas.runs.trials import TrialRecord

STUDY_FILE = "study.db"
"""The study in a run directory (SQLite)."""


@dataclass
class Run:
    """A run directory.

    Attributes:
        folder: The directory.
        record: Content of its run.json.

    Example:
        >>> run = load_run("runs/mine")
        >>> for model in run.front:
        ...     print(model.name, model.score, model.latency_ms, model.yaml)
    """

    folder: Path
    record: RunRecord

    @property
    def config(self) -> SearchConfig:
        """Options of the search."""
        return self.record.config

    @property
    def data(self) -> str:
        """The data.yaml that names the images of the search from any working directory, or ``shapes``."""
        return training_data(self.folder, self.config.data)

    @property
    def finished(self) -> bool:
        """True if the search reached its end."""
        return self.record.status is RunStatus.FINISHED and self.record.result is not None

    @property
    def result(self) -> RunResult:
        """The result of a finished run.

        Raises:
            ConfigError: The run is not finished.
        """
        if not self.finished or self.record.result is None:
            hint = f"finish it with {resume_command(self.folder)}"
            raise ConfigError("not a finished run", file=self.folder, hint=hint)
        return self.record.result

    @property
    def front(self) -> list[Finalist]:
        """Models of the Pareto front, fastest first. Paths of their files begin with the run directory."""
        return [
            replace(
                model,
                yaml=str(self.folder / model.yaml),
                weights=model.weights and str(self.folder / model.weights),
            )
            for model in self.result.front
        ]

    @property
    def stock(self) -> Finalist:
        """The stock model."""
        return self.result.stock

    def pick(self, max_latency: float | None = None, min_score: float | None = None) -> Recommendation:
        """Choose one model to train: the most accurate one within the latency.

        Where the run is not finished, the choice is preliminary: among the candidates trained until now, by predicted
        latency and the score of one training. Such a model has no YAML file yet.

        Args:
            max_latency: The highest latency of one image in ms. Default: the search's own limit.
            min_score: The lowest score, or AP of trained models. With it and without ``max_latency`` the fastest model
                is chosen.

        Raises:
            ConfigError: No model is within the bounds, or no candidate is trained yet.

        Example:
            >>> load_run("runs/mine").pick(max_latency=40).model.yaml
            'runs/mine/pareto/03-5f0c1d.yaml'
        """
        if max_latency is None and min_score is None:
            max_latency = self.config.max_latency
        if self.finished:
            return recommend(self.front, max_latency, min_score, self.result.doubt)
        from nas.runs.preliminary import preliminary_front

        return recommend(preliminary_front(self), max_latency, min_score)

    @property
    def ap_noise(self) -> float:
        """Differences of AP up to this value may be noise; 0 if no spread of AP is known.

        The scores of the proxy ``supernet`` are APs at the deployment image size, so their spread holds for AP.
        """
        return CHANCE * self.result.score_noise.seeds if self.config.proxy == "supernet" else 0.0

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials of the study that have an architecture, in order."""
        from nas.runs.trials import read_trials

        return read_trials(self.study())

    @property
    def storage_url(self) -> str:
        """URL of the Optuna storage, without a password."""
        from nas.runs.study_file import sqlite_url

        return self.config.storage or sqlite_url(self.folder / STUDY_FILE)

    def open_storage(self) -> RDBStorage:
        """Open the Optuna storage.

        Raises:
            ConfigError: The study's file is missing or damaged, or the server cannot be reached.
        """
        if not self.has_study:
            raise ConfigError("has no study.db", file=self.folder, hint="give a run directory that has its study")
        if self.config.storage is not None:
            from nas.runs.storage import ServerStorage

            return ServerStorage(self.config.storage)
        from nas.runs.study_file import StudyFile

        return StudyFile(self.folder / STUDY_FILE)

    @property
    def has_study(self) -> bool:
        """True if the study lies on a server, or its file exists. Opening a missing file would create it."""
        return self.config.storage is not None or (self.folder / STUDY_FILE).is_file()

    def study(self) -> optuna.Study:
        """The Optuna study, to read.

        Raises:
            ConfigError: As for `open_storage`.
        """
        import optuna

        storage = self.open_storage()
        # The first releases did not record the name; their storage holds one study.
        name = self.record.study or optuna.get_all_study_names(storage)[0]
        return optuna.load_study(study_name=name, storage=storage)

    def table(self, name: str) -> pd.DataFrame:
        """One of the run's CSV files as a data frame.

        Args:
            name: ``trials``, ``pareto`` or ``rows``.

        Raises:
            ConfigError: The file is missing or damaged.
        """
        import pandas as pd

        path = self.folder / f"{name}.csv"
        hint = "write it again: the search's command with `resume`"
        try:
            return pd.read_csv(path, dtype={"name": str})
        except FileNotFoundError:
            raise ConfigError(f"has no {path.name}", file=self.folder, hint=hint) from None
        except ValueError as error:  # pandas' parser errors are ValueErrors
            raise ConfigError(f"damaged: {' '.join(str(error).split())}", file=path, hint=hint) from None


def load_run(path: str | Path) -> Run:
    """Open the directory of any run, finished or interrupted, of this or an earlier version.

    Args:
        path: The run directory.

    Raises:
        ConfigError: It is not a run directory.
    """
    folder = Path(path)
    return Run(folder, RunRecord.load(folder))
