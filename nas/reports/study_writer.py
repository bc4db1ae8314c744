"""A run in its study, for people to look at with optuna-dashboard."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import optuna

from nas.detectors.yaml_files import to_yaml
from nas.objectives.target import Target
from nas.proxies.base import Proxy
from nas.proxies.detections import displayed_images
from nas.proxies.outcome import Outcome
from nas.proxies.registry import score_unit
from nas.reports.detections import pictures
from nas.reports.drawing import draw
from nas.reports.legacy import facts_of
from nas.reports.notes import STAGES, finalist_note, study_note, trial_note
from nas.reports.progress_figures import costs_figure, volume_figure
from nas.reports.study_attributes import (
    Attributes,
    attributes,
    drop,
    of_study,
    read_note,
    uploads,
    write_figure,
    write_note,
)
from nas.runs.finalists import Finalist
from nas.runs.observer import TrialObserver
from nas.runs.run import Run, load_run
from nas.runs.trials import read_trials
from nas.spaces.architecture import Architecture

RESULTS = ("report.html", "pareto.png", "pareto.csv", "trials.csv")
"""Files of a run that its study holds beside the models."""
SHOWN = {"device", "runtime", "threads", "precision", "data", "space", "proxy", "sampler", "seed", "budget"}
"""Options of a run that the study's page lists."""


class StudyWriter(TrialObserver):
    """Writes what a search does into its study, files into the run's ``folder``: of every new candidate its YAML, a
    drawing, and a note with what sets it apart from the ``stock`` model; of its training the curve, and what it
    detected in a few validation images, which come from ``proxy``, the one for candidates of a given scale.

    The finalists' longer trainings, those on the rung ``last`` with ``seed``, leave a picture in the study: their
    trials are closed by then.
    """

    def __init__(
        self,
        study: optuna.Study,
        folder: Path,
        stock: Architecture,
        target: Target,
        proxy: Callable[[float], Proxy],
        last: int,
        seed: int,
    ) -> None:
        self._study, self._folder, self._stock, self._target = study, folder, stock, target
        self._proxy, self._longest = proxy, (last, seed)

    def asked(self, trial: optuna.Trial, architecture: Architecture) -> None:
        detector = self._target.detector(architecture)
        with uploads(self._folder, trial) as files:
            (files / "architecture.yaml").write_text(to_yaml(detector, str(architecture)), encoding="utf-8")
            drawing = draw(detector, self._target.imgsz(architecture))
            (files / "network.svg").write_text(drawing, encoding="utf-8")
        note = trial_note(architecture, self._stock, self._target, trial.constraints)
        write_note(self._study, note, trial._trial_id)

    def trained(self, trial: optuna.Trial, architecture: Architecture, outcome: Outcome) -> None:
        with uploads(self._folder, trial) as files:
            if outcome.curve:
                with (files / "training.csv").open("w", encoding="utf-8", newline="") as file:
                    table = csv.DictWriter(file, outcome.curve[0])
                    table.writeheader()
                    table.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in outcome.curve)
            if outcome.detections:
                self._draw(architecture, outcome, files / "detections.jpg")

    def promoted(self, number: int, architecture: Architecture, rung: int, seed: int, outcome: Outcome) -> None:
        if (rung, seed) == self._longest and outcome.detections:
            with uploads(self._folder, self._study) as files:
                self._draw(architecture, outcome, files / _longest(number))

    def _draw(self, architecture: Architecture, outcome: Outcome, path: Path) -> None:
        proxy = self._proxy(self._target.scale(architecture))
        split, recipe, classes = proxy.dataset.val, proxy.recipe, proxy.dataset.classes
        pictures(split, displayed_images(len(split), recipe.val_images), outcome.detections, classes).save(
            path, quality=85
        )


def write_study(folder: Path, ended: bool = True, study: optuna.Study | None = None) -> None:
    """Write what there is to say of a whole run into its study, if that is given or in the run's folder: how to read
    it, baselines, figures, and of a run that has ``ended`` its results, with a note on each finalist."""
    run = load_run(folder)
    facts = facts_of(run.record)
    if study is None:
        if not has_study(run):
            return
        study = study_of(run)
    options = facts["options"]
    for name in options.keys() & SHOWN:
        if study.user_attrs.get(name) != options[name]:
            study.set_user_attr(name, options[name])
    rows = read_trials(study)
    trained = [row for row in rows if row.state == "trained"]
    if ended:
        _write_results(study, folder, [Finalist(**of) for of in facts["finalists"] if not of["rejected"]])
    held, files = attributes(study), of_study(study)
    if trained:
        write_figure(study, "hypervolume", volume_figure(trained, options["minimise"]), held)
        write_figure(study, "latency-and-macs", costs_figure(trained), held)
    if ended:
        _write_finalists(study, run, files, held)
    unit = score_unit(options["proxy"])
    # A run that goes on holds what an earlier part of it had found.
    facts = facts if ended else {key: value for key, value in facts.items() if key != "finalists"}
    addresses = {name: f"/artifacts/{study._study_id}/{artifact}" for name, artifact in files.items()}
    page = f"/dashboard/studies/{study._study_id}/trials?numbers="
    note = study_note(folder, facts, unit, rows, lambda number: f"{page}{number}", addresses)
    write_note(study, note, held=held)


def has_study(run: Run) -> bool:
    """Whether the file of its study is there; to open one that is not would make it."""
    file = run.storage_url.removeprefix("sqlite:///")
    return file == run.storage_url or Path(file).is_file()


def study_of(run: Run) -> optuna.Study:
    """Its study, opened to look at it."""
    # A run of an earlier release does not say the name; its storage holds this one study.
    name = run.record.study or optuna.get_all_study_names(run.storage_url)[0]
    return optuna.load_study(study_name=name, storage=run.storage_url)


def _write_results(study: optuna.Study, folder: Path, front: list[Finalist]) -> None:
    """The results and the models of the front, in place of those of an earlier front."""
    models = {Path(finalist.yaml).name for finalist in front}
    for name, artifact in of_study(study).items():
        if name.endswith(".yaml") and name not in models:
            drop(study, folder, artifact)
    with uploads(folder, study) as files:
        for file in [*(folder / name for name in RESULTS), *(folder / "pareto" / name for name in sorted(models))]:
            copyfile(file, files / file.name)


def _write_finalists(study: optuna.Study, run: Run, files: dict[str, str], held: Attributes) -> None:
    """What became of each, above the stages in the note of its trial."""
    ids = {trial.user_attrs.get("arch"): trial for trial in reversed(study.get_trials(deepcopy=False)) if trial.values}
    for facts in facts_of(run.record)["finalists"]:
        finalist, trial = Finalist(**facts), ids[facts["arch"]]
        shown = {}
        if artifact := files.get(_longest(trial.number)):
            shown = {"Detected after the longer training.": f"/artifacts/{study._study_id}/{artifact}"}
        note = read_note(held, trial._trial_id)
        stages = note[note.find(STAGES) :] if STAGES in note else ""
        text = finalist_note(finalist, run.result.unit, shown)
        write_note(study, f"{text}\n{stages}", trial._trial_id, held)


def _longest(number: int) -> str:
    return f"trial-{number}-longest-training.jpg"
