"""Training of a supernet: several members a step, distilled from the teacher."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nas.data.dataset import Split
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.files import replacing
from nas.progress import Progress, silent
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.train import Batch, ScheduledOptimizer, batches
from nas.supernet.supernet import Supernet
from nas.transfer.augmentation import augment
from nas.transfer.teacher_loss import TeacherLoss

Members = Callable[[np.random.Generator], Sequence[Detector]]
"""Draws the members of one step."""


class SupernetTraining:
    """Trains the shared parameters of all members, so that each scores well as it is.

    Every step trains the members that ``members`` draws: the sandwich rule takes the largest, the smallest and two
    random ones (Yu and Huang, "Universally Slimmable Networks and Improved Training Techniques", ICCV 2019, section
    3.1). All of them learn from the teacher's outputs and from the boxes. The result depends on the seed only, also
    after an interruption.

    Args:
        supernet: It is changed.
        teacher: The trained network; it stays unchanged.
        members: Draws the members of one step.
        recipe: Constants of the training; its image size is that of ``split``.
        seed: Seed of the members, the order of images and their augmentation.
        device: Torch device.
    """

    def __init__(
        self, supernet: Supernet, teacher: Network, members: Members, recipe: Recipe, seed: int = 0, device: str = "cpu"
    ):
        self.supernet, self._members, self._recipe, self._seed = supernet.to(device), members, recipe, seed
        self._loss, self._device = TeacherLoss(teacher, recipe, device), device

    def run(self, split: Split, checkpoint: Path | None = None, every: int = 25, progress: Progress = silent) -> None:
        """Train to the end.

        Args:
            split: Images to train on.
            checkpoint: File that an interrupted training continues from; it is written every ``every`` steps.
            every: Steps between two checkpoints.
            progress: Receives the share done.

        Raises:
            ProxyError: The loss is not finite.
        """
        self._create_branches()
        optimizer = ScheduledOptimizer(self.supernet, self._recipe)
        done = self._restore(checkpoint, optimizer)
        for step, batch in enumerate(batches(split, self._recipe, self._seed, self._device)):
            if step < done:
                continue  # the order of images does not depend on where a training was interrupted
            self._step(step, batch, optimizer)
            progress((step + 1) / self._recipe.steps)
            if checkpoint is not None and ((step + 1) % every == 0 or step + 1 == self._recipe.steps):
                self._save(checkpoint, step + 1, optimizer)

    def _step(self, step: int, batch: Batch, optimizer: ScheduledOptimizer) -> None:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        batch = augment(batch, generator)
        targets, drawn = self._loss.targets(batch.images), self._drawn(step)
        with optimizer.stepping():
            for detector in drawn:
                loss = self._loss(self.supernet.predict(detector, batch.images), targets, batch)
                if not math.isfinite(value := loss.item()):
                    raise ProxyError(f"the training loss became {value} at step {step + 1} of {self._recipe.steps}")
                (loss / len(drawn)).backward()  # one member's graph in memory at a time

    def _drawn(self, step: int) -> Sequence[Detector]:
        return self._members(np.random.default_rng((self._seed, step)))

    def _create_branches(self) -> None:
        """Create the branches of all steps before the optimizer lists the parameters."""
        for step in range(self._recipe.steps):
            for detector in self._drawn(step):
                self.supernet.add_branches(detector)

    def _facts(self) -> dict[str, Any]:
        return {"recipe": asdict(self._recipe), "seed": self._seed}

    def _save(self, file: Path, done: int, optimizer: ScheduledOptimizer) -> None:
        content = {"done": done, "facts": self._facts(), "supernet": self.supernet.state_dict()}
        with replacing(file) as unfinished:
            torch.save(content | {"optimizer": optimizer.state_dict()}, unfinished)

    def _restore(self, file: Path | None, optimizer: ScheduledOptimizer) -> int:
        """Continue from a checkpoint of the same training; returns the steps that are done."""
        if file is None or not file.exists():
            return 0
        try:
            content = torch.load(file, map_location=self._device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError):
            return 0  # unreadable: begin anew
        if content.get("facts") != self._facts():
            return 0
        self.supernet.load_state_dict(content["supernet"])
        optimizer.load_state_dict(content["optimizer"])
        return int(content["done"])
