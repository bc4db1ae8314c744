"""Note, figures and results of a study."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

from nas.proxies.registry import score_unit
from nas.reports.progress_figures import costs_figure, volume_figure
from nas.reports.study_attributes import (
    Attributes,
    artifact_ids,
    read_attributes,
    read_note,
    remove_artifact,
    uploads,
    write_figure,
    write_note,
)
from nas.reports.study_note import StudyLinks, study_note
from nas.reports.study_writer import longest_training_picture
from nas.reports.trial_notes import STAGES, finalist_note
from nas.runs.finalists import Finalist
from nas.runs.record import RunResult
from nas.runs.run import Run, load_run
from nas.runs.trials import read_trials

if TYPE_CHECKING:
    import optuna

_RESULTS = ("report.html", "pareto.png", "pareto.csv", "trials.csv")
"""Files of a run that become artifacts of its study."""
_OPTIONS = ("device", "runtime", "threads", "precision", "data", "proxy", "sampler", "seed", "budget")
"""Options that the study's page lists, beside the space."""


def write_study(folder: Path, ended: bool = True, study: optuna.Study | None = None) -> None:
    """Write note, options, figures and, at the end of a run, results into its study.

    Args:
        folder: The run directory.
        ended: True to write the run's results, and a note on each finalist.
        study: The open study; None to open it. Nothing is written if it does not exist.

    Raises:
        ConfigError: The folder is not a run directory, or ``ended`` is True and the run is not finished.
    """
    run = load_run(folder)
    if study is None:
        if not run.has_study:
            return
        study = run.study()
    _write_options(study, run)
    rows = read_trials(study)
    trained = [row for row in rows if row.trained]
    if ended:
        _write_results(study, folder, run.result.front)
    attributes, artifacts = read_attributes(study), artifact_ids(study)
    if trained:
        write_figure(study, "hypervolume", volume_figure(trained, run.config.minimize), attributes)
        write_figure(study, "latency-and-macs", costs_figure(trained), attributes)
    if ended:
        _write_finalists(study, run.result, artifacts, attributes)
    files = {name: _address(study, artifact) for name, artifact in artifacts.items()}
    links = StudyLinks(f"/dashboard/studies/{study._study_id}/trials?numbers=", files)
    note = study_note(run, score_unit(run.config.proxy), rows, links, ended)
    write_note(study, note, earlier=attributes)


def _write_options(study: optuna.Study, run: Run) -> None:
    """Write options of the run as attributes of the study."""
    options = {name: getattr(run.config, name) for name in _OPTIONS} | {"space": run.record.space}
    for name, value in options.items():
        if study.user_attrs.get(name) != value:
            study.set_user_attr(name, value)


def _write_results(study: optuna.Study, folder: Path, front: list[Finalist]) -> None:
    """Replace results and models of an earlier front."""
    models = {Path(finalist.yaml).name for finalist in front}
    for name, artifact in artifact_ids(study).items():
        if name.endswith(".yaml") and name not in models:
            remove_artifact(study, folder, artifact)
    with uploads(folder, study) as files:
        for file in [*(folder / name for name in _RESULTS), *(folder / "pareto" / name for name in sorted(models))]:
            copyfile(file, files / file.name)


def _write_finalists(study: optuna.Study, result: RunResult, artifacts: dict[str, str], attributes: Attributes) -> None:
    """Write a note on each finalist above the stages in the note of its trial."""
    trials = study.get_trials(deepcopy=False)
    by_arch = {trial.user_attrs.get("arch"): trial for trial in reversed(trials) if trial.values}
    for finalist in result.finalists:
        trial, pictures = by_arch[finalist.arch], {}
        if artifact := artifacts.get(longest_training_picture(trial.number)):
            pictures = {"Detections after the longest training.": _address(study, artifact)}
        note = read_note(attributes, trial._trial_id)
        stages = note[note.find(STAGES) :] if STAGES in note else ""
        text = finalist_note(finalist, result.unit, pictures)
        write_note(study, f"{text}\n{stages}", trial._trial_id, attributes)


def _address(study: optuna.Study, artifact: str) -> str:
    """Address of an artifact in optuna-dashboard."""
    return f"/artifacts/{study._study_id}/{artifact}"
