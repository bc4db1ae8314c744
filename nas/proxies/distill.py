"""Block by block: how well a stage's choice reproduces the trained template's stage (DONNA, Moons et al., ICCV 2021).

The accuracy table beside the latency table: an entry is what one choice of one stage still misses of the template's
output after a short training on the template's own maps. An architecture's score is predicted from its entries, by a
regression on a few whole short trainings.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.data.dataset import Split
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.templates import BACKBONE, NECK
from nas.errors import InputError
from nas.files import write
from nas.progress import Progress
from nas.proxies.base import Outcome, ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.short import ShortTraining
from nas.proxies.template import FromTemplate
from nas.proxies.train import Descent, reproducible


class Maps(NamedTuple):
    """What the template's rows read and give around each stage: by stage (N, C, H, W), the first the stem's."""

    train: list[Tensor]
    val: list[Tensor]


class Distilled(FromTemplate):
    """Predicts AP50-95 from how well each stage alone reproduces the template's, whatever its width.

    `prepare` trains the template, and ``members`` random members of the space whole, by the ``short`` proxy's recipe:
    the regression from stage entries to scores is fitted on these. Entries are trained when they are first needed and
    kept in ``folder``; the same choice gets the same entry whoever trains it.
    """

    name = "distill"
    trains: ClassVar[bool] = False
    unit: ClassVar[str] = "AP50-95 (predicted)"
    recipe = Recipe(batch=32, steps=60, lr=3e-3)
    whole_recipe = ShortTraining.recipe
    members: ClassVar[int] = 12

    _maps: Maps | None = None
    _slopes: Sequence[float] = ()

    @cached_property
    def whole(self) -> ShortTraining:
        """What the members that the regression is fitted on are scored by."""
        return ShortTraining(self.dataset, self.folder, recipe=self.whole_recipe, device=self.device)

    def facts(self) -> dict[str, object]:
        return super().facts() | {"whole": self.whole.fingerprint, "space": self.space.fingerprint}

    def prepare(self, progress: Progress | None = None) -> None:
        tell = progress or (lambda share: None)
        if searched := [stage for stage in self.space.file.stages if stage in NECK]:
            problem = f"tells stages of the backbone apart alone, and {self.space.path} opens {', '.join(searched)}"
            raise InputError(f"--proxy {self.name}: {problem}; give another, or --space yolov8n")
        super().prepare(lambda share: tell(share / 4))
        self._maps = Maps(self._taken(self.dataset.train), self._taken(self.dataset.val))
        path = self.folder / f"distill-{self.fingerprint}.json"
        if not path.exists():
            random = np.random.default_rng(0)
            entries, scores = [], []
            for number in range(self.members):
                member = self.space.random(random).detector(self.dataset.nc)
                entries.append(self._entries(member, 0))
                scores.append(self.whole.score(member, 0).score)
                tell(0.25 + 0.75 * (number + 1) / self.members)
            write(path, json.dumps({"slopes": regression(np.array(entries), np.array(scores))}))
        self._slopes = json.loads(path.read_text(encoding="utf-8"))["slopes"]
        tell(1.0)

    def judge(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        if not self._prepared:
            self.prepare()
        start = time.perf_counter()
        entries = self._entries(detector, seed, progress)
        value = self._slopes[0] + float(np.dot(self._slopes[1:], entries))
        if progress:
            progress(1.0)
        return Outcome(value, time.perf_counter() - start, ())

    def _entries(self, detector: Detector, seed: int, progress: Progress | None = None) -> list[float]:
        """The logarithm of what each stage misses."""
        found = []
        for number, stage in enumerate(BACKBONE):
            rows = [detector.rows[row] for row in self.template.layout.stage_rows(stage)]
            name = "_".join(f"{row.module}{row.repeats}{row.args}" for row in rows).replace(" ", "").replace("/", "")
            path = self.folder / f"entries-{self.fingerprint}" / f"{number}-{name}-{seed}.json"
            if not path.exists():
                with reproducible(seed):
                    missed = self._trained(detector, stage, seed)
                write(path, json.dumps({"missed": missed}))
            found.append(math.log(json.loads(path.read_text(encoding="utf-8"))["missed"]))
            if progress:
                progress((number + 1) / (len(BACKBONE) + 1))
        return found

    def _trained(self, detector: Detector, stage: str, seed: int) -> float:
        """The mean squared error of a stage on the validation maps after training, in variances of the target."""
        assert self._maps is not None
        number = BACKBONE.index(stage)
        (train_in, train_out), (val_in, val_out) = (
            itertools.islice(maps, number, number + 2) for maps in (self._maps.train, self._maps.val)
        )
        student = self._student(detector, stage, seed, train_in.shape[1], train_out.shape[1]).to(self.device).train()
        descent = Descent(student, self.recipe)
        generator = torch.Generator().manual_seed(seed)
        mean, deviation = (f((0, 2, 3), keepdim=True) for f in (train_out.mean, train_out.std))
        deviation = deviation.clamp(min=1e-6)
        for step in range(self.recipe.steps):
            chosen = torch.randint(len(train_in), (self.recipe.batch,), generator=generator)
            loss = F.mse_loss(student(train_in[chosen]), (train_out[chosen] - mean) / deviation)
            if not torch.isfinite(loss):
                raise ProxyError(f"the loss of stage {stage} became {loss.item()} at step {step + 1}")
            descent.step(loss)
        student.eval()
        with torch.no_grad():
            missed = float(F.mse_loss(student(val_in), (val_out - mean) / deviation))
        if not math.isfinite(missed):
            raise ProxyError(f"the loss of stage {stage} became {missed}")
        return missed

    def _student(self, detector: Detector, stage: str, seed: int, c1: int, c2: int) -> nn.Module:
        """The stage's rows reading the template's map, and a 1x1 convolution to the template's channels."""
        first, last = self.template.layout.stage_rows(stage)
        block, rows = Network(detector, seed).model[last], list(detector.resolve())
        _, *arguments = rows[first].call.arguments
        entry = rows[first].row.operator.module(c1, *arguments)
        student = nn.Sequential(entry, block, nn.Conv2d(rows[last].call.output[0], c2, 1))
        for module in student.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = self.recipe.momentum
        return student

    def _taken(self, split: Split) -> list[Tensor]:
        """The template's maps on all images of a split: the stem's, then each stage's."""
        network = self.template.network()
        taken: list[list[Tensor]] = []
        stem = 0
        for last in (stem, *(self.template.layout.stage_rows(stage)[1] for stage in BACKBONE)):
            of_stage: list[Tensor] = []
            taken.append(of_stage)
            network.model[last].register_forward_hook(lambda module, inputs, output, into=of_stage: into.append(output))
        with torch.no_grad():
            for part in split.images.split(64):
                network(part.to(self.device).float().div_(255))
        return [torch.cat(of_stage) for of_stage in taken]


def regression(entries: np.ndarray, scores: np.ndarray, ridge: float = 1.0) -> list[float]:
    """Intercept and a slope a stage, from entries (n, stages) to scores (n,): least squares with a penalty on how far
    the slopes, in standard deviations of their entries, lie from their mean; a few members do not tell them apart."""
    mean, deviation = entries.mean(0), np.where(entries.std(0) > 0, entries.std(0), 1)
    z, y = (entries - mean) / deviation, scores - scores.mean()
    stages = entries.shape[1]
    apart = np.eye(stages) - 1 / stages
    slopes = np.linalg.solve(z.T @ z + ridge * apart + 1e-9 * np.eye(stages), z.T @ y) / deviation
    return [float(scores.mean() - slopes @ mean), *map(float, slopes)]
