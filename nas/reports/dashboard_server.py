"""A run's study in optuna-dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from nas.errors import InputError
from nas.reports.study_attributes import ARTIFACTS
from nas.reports.study_writer import has_study
from nas.runs.run import load_run
from nas.runs.storage import ServerStorage

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def dashboard(folder: Path) -> WSGIApplication:
    """optuna-dashboard on the study and the artifacts of a run, finished or not; where the study lies on a server, on
    all that lie there.

    Raises InputError for a folder that is no run, for one without a study, for a server that cannot be reached, and
    where optuna-dashboard is missing.
    """
    run = load_run(folder)
    if not has_study(run):
        raise InputError(f"{folder}: has no study yet; the search makes it when it begins")
    try:
        from optuna_dashboard import wsgi
    except ModuleNotFoundError:
        raise InputError("optuna-dashboard is not installed; pip install 'pareto-yolo[dashboard]' adds it") from None
    kept = folder / ARTIFACTS
    storage = (_Server if run.config.storage else _File)(run.storage_url)
    app: WSGIApplication = wsgi(storage, FileSystemArtifactStore(kept) if kept.is_dir() else None)
    return app


class _Marking(RDBStorage):
    """A study's constraints where optuna-dashboard looks for them: it does not read Optuna 5's yet, and would draw
    what lies over a limit as if it did not."""

    def get_all_trials(self, *arguments: Any, **options: Any) -> list[FrozenTrial]:
        trials = super().get_all_trials(*arguments, **options)
        for trial in trials:
            if trial.constraints:
                trial._system_attrs["constraints"] = list(trial.constraints.values())
        return trials


class _File(_Marking):
    """The study of a run that keeps it."""


class _Server(_Marking, ServerStorage):
    """All studies of the server that a run's lies on."""
