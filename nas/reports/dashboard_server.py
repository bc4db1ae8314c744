"""optuna-dashboard on the study of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError
from nas.installation import install_command
from nas.reports.study_attributes import ARTIFACTS
from nas.runs.run import STUDY_FILE, Run, load_run

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial


def dashboard(folder: Path) -> WSGIApplication:
    """optuna-dashboard as a WSGI application, on the study and the artifacts of a run. It changes nothing.

    Its first page is the run's own study. If the study lies on a server, the dashboard shows all studies of the server.

    Args:
        folder: The directory of a run, finished or not.

    Raises:
        ConfigError: There is no run or no study, its server cannot be reached, or optuna-dashboard is not installed.
    """
    run = load_run(folder)
    if not run.has_study:
        raise ConfigError("has no study yet", file=folder, hint="wait until its search has begun")
    try:
        from optuna_dashboard import wsgi
    except ModuleNotFoundError:
        hint = f"run {install_command('dashboard')}"
        raise ConfigError("optuna-dashboard is not installed", hint=hint) from None
    from optuna.artifacts import FileSystemArtifactStore

    artifacts = folder / ARTIFACTS
    storage = _marking_storage(run)
    app: WSGIApplication = wsgi(storage, FileSystemArtifactStore(artifacts) if artifacts.is_dir() else None)
    return _read_only(app, run)


def _read_only(app: WSGIApplication, run: Run) -> WSGIApplication:
    """The application without requests that change something: one click of it deletes a study."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            start_response("403 Forbidden", [("Content-Type", "application/json")])
            return [json.dumps({"reason": "nas.dashboard is read-only: the study belongs to the run"}).encode()]
        if environ.get("PATH_INFO", "/") in {"", "/"}:
            start_response("302 Found", [("Location", f"/dashboard/studies/{run.study()._study_id}")])
            return [b""]
        return app(environ, start_response)

    return answer


def _marking_storage(run: Run) -> RDBStorage:
    """A storage that shows constraints where optuna-dashboard looks for them.

    optuna-dashboard does not read the constraints of Optuna 5. Without this, it draws trials over a limit as feasible.
    """
    from nas.runs.storage import ServerStorage
    from nas.runs.study_file import StudyFile

    server = run.config.storage
    base: type[RDBStorage] = StudyFile if server is None else ServerStorage

    class MarkingStorage(base):  # type: ignore[misc, valid-type]
        def get_all_trials(self, *arguments: Any, **options: Any) -> list[FrozenTrial]:
            trials: list[FrozenTrial] = super().get_all_trials(*arguments, **options)
            for trial in trials:
                if trial.constraints:
                    trial._system_attrs["constraints"] = list(trial.constraints.values())
            return trials

    return MarkingStorage(run.folder / STUDY_FILE if server is None else server)
