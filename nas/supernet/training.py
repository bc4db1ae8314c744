"""Training of a supernet: several members a step, distilled from the teacher."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from nas.data.dataset import Split
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.errors import TransferError
from nas.files import replacing
from nas.operators.modules.detect import Predictions
from nas.progress import Progress, silent
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.train import Batch, ScheduledOptimizer, batches
from nas.supernet.supernet import Supernet
from nas.tensor_files import load_tensors
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
        sizes: Image sizes in pixels; every step trains one of them. Default: the recipe's.
        seed: Seed of the members, the order of images and their augmentation.
        device: Torch device.
    """

    def __init__(
        self,
        supernet: Supernet,
        teacher: Network,
        members: Members,
        recipe: Recipe,
        *,
        sizes: Sequence[int] = (),
        seed: int = 0,
        device: str = "cpu",
    ):
        self.supernet, self._members, self._recipe, self._seed = supernet.to(device), members, recipe, seed
        self._losses = {
            size: TeacherLoss(teacher, replace(recipe, imgsz=size), device) for size in sizes or (recipe.imgsz,)
        }
        self._device = device

    def run(
        self,
        split: Split,
        checkpoint: Path | None = None,
        every: int = 25,
        progress: Progress = silent,
        until: float = math.inf,
    ) -> int:
        """Train to the end, or until the time is up.

        Args:
            split: Images to train on.
            checkpoint: File that an interrupted training continues from; it is written every ``every`` steps.
            every: Steps between two checkpoints.
            progress: Receives the share done.
            until: Time of `time.monotonic` after which no further step begins.

        Returns:
            Number of steps done.

        Raises:
            ProxyError: The loss is not finite.
        """
        optimizer = ScheduledOptimizer(self.supernet, self._recipe)
        done = self._restore(checkpoint, optimizer)
        for step, batch in enumerate(batches(split, self._recipe, self._seed, self._device)):
            if step < done:
                continue  # the order of images does not depend on where a training was interrupted
            if time.monotonic() >= until:
                break
            self._step(step, batch, optimizer)
            done = step + 1
            progress(done / self._recipe.steps)
            if checkpoint is not None and (done % every == 0 or done == self._recipe.steps):
                self._save(checkpoint, done, optimizer)
        return done

    def _step(self, step: int, batch: Batch, optimizer: ScheduledOptimizer) -> None:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        rng = np.random.default_rng((self._seed, step))
        drawn = self._members(rng)
        size = int(rng.choice(list(self._losses)))
        batch, loss_of = resized(augment(batch, generator), size), self._losses[size]
        with self._mixed_precision():
            targets = loss_of.targets(batch.images)
        with optimizer.stepping():
            for detector in drawn:
                with self._mixed_precision():
                    found = self.supernet.predict(detector, batch.images)
                loss = loss_of(_float(found), _float(targets), batch)
                if not math.isfinite(value := loss.item()):
                    raise ProxyError(f"the training loss became {value} at step {step + 1} of {self._recipe.steps}")
                (loss / len(drawn)).backward()  # one member's graph in memory at a time

    def _mixed_precision(self) -> AbstractContextManager[object]:
        """bfloat16 on a GPU, which needs no scaling of the loss."""
        return torch.autocast("cuda", torch.bfloat16) if self._device.startswith("cuda") else nullcontext()

    def _facts(self) -> dict[str, Any]:
        return {"recipe": asdict(self._recipe), "seed": self._seed, "sizes": list(self._losses)}

    def _save(self, file: Path, done: int, optimizer: ScheduledOptimizer) -> None:
        content = {"done": done, "facts": self._facts(), "supernet": self.supernet.state_dict()}
        with replacing(file) as unfinished:
            torch.save(content | {"optimizer": optimizer.state_dict()}, unfinished)

    def _restore(self, file: Path | None, optimizer: ScheduledOptimizer) -> int:
        """Continue from a checkpoint of the same training; returns the steps that are done."""
        if file is None or not file.exists():
            return 0
        try:
            content = load_tensors(file, self._device)
        except TransferError:
            return 0  # unreadable: begin anew
        if content.get("facts") != self._facts():
            return 0
        self.supernet.load_state_dict(content["supernet"])
        optimizer.load_state_dict(content["optimizer"])
        return int(content["done"])


def resized(batch: Batch, size: int) -> Batch:
    """A batch at another image size.

    Args:
        batch: The batch.
        size: Side of the images in pixels.
    """
    side = batch.images.shape[-1]
    if size == side:
        return batch
    images = F.interpolate(batch.images, (size, size), mode="bilinear", antialias=True)
    scale = batch.boxes.new_tensor([1.0, *[size / side] * 4])  # the first column is the class
    return Batch(images.contiguous(memory_format=torch.channels_last), batch.boxes * scale, batch.valid)


def _float(found: Predictions) -> Predictions:
    """Outputs in float32, in which losses are computed."""
    return Predictions(*(part.float() for part in found))
