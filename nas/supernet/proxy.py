"""Proxy ``supernet``: one network of all candidates is trained, and each candidate takes its weights from there."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.progress import Progress, part, silent
from nas.proxies.detections import detect
from nas.proxies.outcome import Outcome
from nas.proxies.recipe import Recipe
from nas.proxies.teacher import Teacher
from nas.proxies.template import FromTemplate
from nas.proxies.train import reproducible
from nas.supernet.branches import Branches
from nas.supernet.sandwich import Sandwich
from nas.supernet.supernet import Supernet
from nas.supernet.supernet_file import TrainedSupernet
from nas.supernet.training import SupernetTraining
from nas.transfer.recalibration import image_batches, random_batches, recalibrate

SEED = 0
RECALIBRATION_IMAGES = 128
"""Training images that the statistics of a candidate's norms are computed on."""
EVERY = 20
"""Steps between two checkpoints of the training."""


class SupernetProxy(FromTemplate):
    """Scores a candidate by AP at the deployment image size, without training it.

    `prepare` trains the supernet: a pretrained model, or a template that is trained on the data first, and all of its
    restrictions. A candidate's norms are computed anew on training images, which the seed chooses.

    Args:
        data: As for `Proxy`.
        folder: As for `Proxy`; the supernet and the rows of `nas.supernet.branches` are kept here.
        sizes: Image sizes in pixels that the supernet is trained for. Default: the recipe's.
        supernet: File of a trained supernet, which is used as it is.
        options: Other arguments of `FromTemplate`.
    """

    name = "supernet"
    trains: ClassVar[bool] = False
    unit: ClassVar[str] = "AP50-95 (supernet)"
    recipe = Recipe(imgsz=320, steps=240, lr=5e-4)

    def __init__(
        self,
        data: Any,
        folder: Path,
        *,
        sizes: tuple[int, ...] = (),
        supernet: Path | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data, folder, **options)
        self._sizes, self._file = sizes or (self.recipe.imgsz,), supernet
        self._given = TrainedSupernet.load(supernet) if supernet else None
        self._trained: TrainedSupernet | None = None
        self._branches: dict[str, Branches] = {}  # by fingerprint: copies of other image sizes share this attribute

    def facts(self) -> dict[str, object]:
        if self._given is not None:
            return super(FromTemplate, self).facts() | {"supernet": self._given.facts}
        return super().facts() | {"sizes": list(self._sizes), "space": self.space.fingerprint}

    @property
    def trained(self) -> TrainedSupernet:
        """The trained supernet. Call `prepare` first."""
        assert self._trained is not None
        return self._trained

    @property
    def teacher(self) -> Teacher:
        """The pretrained model, as it is used. Call `prepare` first."""
        return self.trained.teacher

    def prepare(self, progress: Progress = silent, until: float = math.inf) -> None:
        """Load the supernet. Train it first, unless ``folder`` holds it.

        Args:
            progress: Receives the share done.
            until: Time of `time.monotonic` after which the training ends early.
        """
        if self._trained is not None:
            return
        file = self._file or self.folder / f"supernet-{self.fingerprint}.pt"
        if not file.exists():
            super().prepare(part(progress, 0, 0.1))
            self._train(part(progress, 0.1, 0.9), until).save(file)
        self._trained = self._given or TrainedSupernet.load(file)
        self._prepared = True

    def evaluate(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        if not self._prepared:
            self.prepare()
        start = time.perf_counter()
        with reproducible(seed):
            network = self.extract(detector).to(self.device)
            # A part of the images, so that seeds differ on few images too: score noise is measured with another seed.
            count = min(RECALIBRATION_IMAGES, max(1, 3 * len(self.dataset.train) // 4))
            recalibrate(network, random_batches(self.dataset.train, count, seed, self.device))
            found = detect(network, self.dataset.val, self.recipe, device=self.device)
        progress(1)
        test = self.test_split
        return Outcome(
            found.score(self.dataset.nc),
            time.perf_counter() - start,
            (),
            test_score=None if test is None else detect(network, test, self.recipe).score(self.dataset.nc),
            detections=found.displayed(),
        )

    def extract(self, detector: Detector) -> Network:
        """A candidate's network with its weights; its norms need `recalibrate`.

        Rows that are no restriction of the teacher's are trained to reproduce the row that they replace.

        Args:
            detector: Rows of the candidate, with the anchor-free head.
        """
        mark = self.fingerprint
        if mark not in self._branches:
            self._branches[mark] = Branches(self.trained.supernet, self._images(), self.folder / "rows", mark)
        network = self.trained.supernet.member(detector).to(self.device)
        self._branches[mark].fill(network, detector)
        return network

    def _train(self, progress: Progress, until: float) -> TrainedSupernet:
        teacher = self.template.teacher
        network = teacher.network.to(self.device)
        # Images of the largest size: the training makes smaller ones of them.
        recipe = replace(self.recipe, imgsz=max(self._sizes))
        same = recipe.imgsz == self.recipe.imgsz
        split = self.dataset.train if same else load(self.dataset.origin, recipe.imgsz, max_val=1).train
        images = image_batches(split, device=self.device)
        supernet = Supernet.of(teacher.detector, network, images)
        training = SupernetTraining(
            supernet,
            network,
            Sandwich(supernet, self.space, self.dataset.nc),
            recipe,
            sizes=self._sizes,
            seed=SEED,
            device=self.device,
        )
        with reproducible(SEED):
            unfinished = self.folder / f"supernet-{self.fingerprint}-unfinished.pt"
            steps = training.run(split, unfinished, EVERY, progress, until)
        unfinished.unlink(missing_ok=True)
        facts: dict[str, Any] = self.facts()
        return TrainedSupernet(supernet.cpu(), replace(teacher, network=network.cpu()), steps, facts)

    def _images(self) -> list[Tensor]:
        return image_batches(self.dataset.train, device=self.device)
