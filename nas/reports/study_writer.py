"""Files and notes of trials in the study, written while a search runs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import optuna

from nas.detectors.yaml_files import to_yaml
from nas.objectives.target import Target
from nas.proxies.base import Proxy
from nas.proxies.detections import displayed_images
from nas.proxies.outcome import Outcome
from nas.reports.detections import draw_detections
from nas.reports.network_drawing import draw_network
from nas.reports.study_attributes import uploads, write_note
from nas.reports.trial_notes import trial_note
from nas.runs.observer import TrialObserver
from nas.spaces.architecture import Architecture

PICTURE = "detections.jpg"
"""File name of a trial's detections."""


class StudyWriter(TrialObserver):
    """Writes each new candidate into the study: YAML, drawing, note, training curve and detections.

    A finalist's longest training leaves a picture among the artifacts of the study, because its trial is closed.

    Args:
        study: The study.
        folder: The run directory.
        stock: The stock model, which notes compare with.
        target: The deployment target.
        proxy: Returns the proxy for an image scale, see `nas.objectives.target.Target.scale`.
        last: The highest rung of the search.
        seed: Seed of the search.
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
        """Write YAML, drawing and note of a new candidate."""
        detector = self._target.detector(architecture)
        with uploads(self._folder, trial) as files:
            (files / "architecture.yaml").write_text(to_yaml(detector, str(architecture)), encoding="utf-8")
            drawing = draw_network(detector, self._target.imgsz(architecture))
            (files / "network.svg").write_text(drawing, encoding="utf-8")
        note = trial_note(architecture, self._stock, self._target, trial.constraints)
        write_note(self._study, note, trial._trial_id)

    def trained(self, trial: optuna.Trial, architecture: Architecture, outcome: Outcome) -> None:
        """Write the training curve and the detections of a candidate."""
        with uploads(self._folder, trial) as files:
            if outcome.curve:
                with (files / "training.csv").open("w", encoding="utf-8", newline="") as file:
                    table = csv.DictWriter(file, outcome.curve[0])
                    table.writeheader()
                    table.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in outcome.curve)
            if outcome.detections:
                self._draw(architecture, outcome, files / PICTURE)

    def promoted(self, number: int, architecture: Architecture, rung: int, seed: int, outcome: Outcome) -> None:
        """Write the detections of a finalist after its longest training."""
        if (rung, seed) == self._longest and outcome.detections:
            with uploads(self._folder, self._study) as files:
                self._draw(architecture, outcome, files / longest_training_picture(number))

    def _draw(self, architecture: Architecture, outcome: Outcome, path: Path) -> None:
        proxy = self._proxy(self._target.scale(architecture))
        split, recipe, classes = proxy.dataset.val, proxy.recipe, proxy.dataset.classes
        images = displayed_images(len(split), recipe.val_images)
        draw_detections(split, images, outcome.detections, classes).save(path, quality=85)


def longest_training_picture(number: int) -> str:
    """File name of the detections after the longest training of a trial."""
    return f"trial-{number}-longest-training.jpg"
