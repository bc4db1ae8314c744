"""Proxy ``distill``: accuracy predicted block by block (DONNA: Moons et al., ICCV 2021, section 3).

The proxy is a table of errors, as latency has a table of times. An entry is the error with which one choice for one
stage reproduces the output of the trained template's stage, after a short training on the template's feature maps. A
linear regression predicts a candidate's score from its entries. It is fitted on a few candidates that `ShortTraining`
scores.
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
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.data.dataset import Split
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.templates import BACKBONE, NECK
from nas.errors import ConfigError
from nas.files import write
from nas.progress import Progress, part, silent
from nas.proxies.outcome import Outcome, ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.short import ShortTraining
from nas.proxies.template import FromTemplate
from nas.proxies.train import ScheduledOptimizer, reproducible
from nas.spaces.head_choice import HEAD

Values = NDArray[np.float64]


class FeatureMaps(NamedTuple):
    """Feature maps of the template, each (N, C, H, W): first the stem's output, then that of every stage.

    A stage reads the map before its own.
    """

    train: list[Tensor]
    val: list[Tensor]


class Distilled(FromTemplate):
    """Predicts AP50-95 from the error with which each single stage reproduces the template's stage.

    `prepare` trains the template, and ``members`` random members of the space by short training. The regression is
    fitted on these members. Entries are trained when they are first needed, and stored in ``folder``. A stage may have
    any width, because a 1x1 convolution maps its output to the template's channels.
    """

    name = "distill"
    trains: ClassVar[bool] = False
    unit: ClassVar[str] = "AP50-95 (predicted)"
    recipe = Recipe(batch=32, steps=60, lr=3e-3)
    member_recipe = ShortTraining.recipe
    members: ClassVar[int] = 12

    _maps: FeatureMaps | None = None
    _coefficients: Sequence[float] = ()

    @cached_property
    def member_proxy(self) -> ShortTraining:
        """Scores the members on which the regression is fitted."""
        return ShortTraining(self.dataset, self.folder, recipe=self.member_recipe, device=self.device)

    def facts(self) -> dict[str, object]:
        return super().facts() | {"whole": self.member_proxy.fingerprint, "space": self.space.fingerprint}

    def prepare(self, progress: Progress = silent, until: float = math.inf) -> None:
        """Train the template and fit the regression, unless ``folder`` holds them.

        Raises:
            ConfigError: The search space varies stages of the neck, or the head.
        """
        varied = [stage for stage in self.space.file.stages if stage in NECK]
        if varied := [*varied, *([HEAD] if self.space.file.head else [])]:
            problem = f"compares stages of the backbone only, but {self.space.path} varies {', '.join(varied)}"
            hint = "choose another proxy, or `space=yolov8n`"
            raise ConfigError(problem, field="proxy", value=self.name, hint=hint)
        super().prepare(part(progress, 0, 0.25))
        self._maps = FeatureMaps(self._feature_maps(self.dataset.train), self._feature_maps(self.dataset.val))
        path = self.folder / f"distill-{self.fingerprint}.json"
        if not path.exists():
            coefficients = self._fit_regression(part(progress, 0.25, 0.75))
            write(path, json.dumps({"slopes": coefficients}))
        self._coefficients = json.loads(path.read_text(encoding="utf-8"))["slopes"]
        progress(1.0)

    def evaluate(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        if not self._prepared:
            self.prepare()
        start = time.perf_counter()
        entries = self._entries(detector, seed, progress)
        score = self._coefficients[0] + float(np.dot(self._coefficients[1:], entries))
        progress(1.0)
        return Outcome(score, time.perf_counter() - start, ())

    def _fit_regression(self, progress: Progress) -> list[float]:
        random = np.random.default_rng(0)
        entries, scores = [], []
        for number in range(self.members):
            member = self.space.random(random).detector(self.dataset.nc)
            entries.append(self._entries(member, 0))
            scores.append(self.member_proxy.score(member, 0).score)
            progress((number + 1) / self.members)
        return regression(np.array(entries), np.array(scores))

    def _entries(self, detector: Detector, seed: int, progress: Progress = silent) -> list[float]:
        """Logarithm of each stage's error."""
        found = []
        for number, stage in enumerate(BACKBONE):
            rows = [detector.rows[row] for row in self.template.layout.stage_rows(stage)]
            name = "_".join(f"{row.module}{row.repeats}{row.args}" for row in rows).replace(" ", "").replace("/", "")
            path = self.folder / f"entries-{self.fingerprint}" / f"{number}-{name}-{seed}.json"
            if not path.exists():
                with reproducible(seed):
                    error = self._stage_error(detector, stage, seed)
                write(path, json.dumps({"missed": error}))
            found.append(math.log(json.loads(path.read_text(encoding="utf-8"))["missed"]))
            progress((number + 1) / (len(BACKBONE) + 1))
        return found

    def _stage_error(self, detector: Detector, stage: str, seed: int) -> float:
        """Mean squared error of a trained stage on the validation maps, in variances of the template's output."""
        assert self._maps is not None
        number = BACKBONE.index(stage)
        (train_in, train_out), (val_in, val_out) = (
            itertools.islice(maps, number, number + 2) for maps in (self._maps.train, self._maps.val)
        )
        student = self._student(detector, stage, seed, train_in.shape[1], train_out.shape[1]).to(self.device).train()
        optimizer = ScheduledOptimizer(student, self.recipe)
        generator = torch.Generator().manual_seed(seed)
        mean, deviation = (f((0, 2, 3), keepdim=True) for f in (train_out.mean, train_out.std))
        deviation = deviation.clamp(min=1e-6)
        for step in range(self.recipe.steps):
            chosen = torch.randint(len(train_in), (self.recipe.batch,), generator=generator)
            loss = F.mse_loss(student(train_in[chosen]), (train_out[chosen] - mean) / deviation)
            if not torch.isfinite(loss):
                raise ProxyError(f"the loss of stage {stage} became {loss.item()} at step {step + 1}")
            optimizer.step(loss)
        student.eval()
        with torch.no_grad():
            error = float(F.mse_loss(student(val_in), (val_out - mean) / deviation))
        if not math.isfinite(error):
            raise ProxyError(f"the loss of stage {stage} became {error}")
        return error

    def _student(self, detector: Detector, stage: str, seed: int, c1: int, c2: int) -> nn.Module:
        """The stage's rows from ``c1`` channels, and a 1x1 convolution to ``c2`` channels."""
        first, last = self.template.layout.stage_rows(stage)
        block, rows = Network(detector, seed).model[last], list(detector.resolve())
        _, *arguments = rows[first].call.arguments
        entry = rows[first].row.operator.module(c1, *arguments)
        student = nn.Sequential(entry, block, nn.Conv2d(rows[last].call.output[0], c2, 1))
        for module in student.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = self.recipe.momentum
        return student

    def _feature_maps(self, split: Split) -> list[Tensor]:
        """The template's feature maps on all images of a split; see `FeatureMaps`."""
        network = self.template.network()
        maps: list[list[Tensor]] = []
        stem = 0
        for row in (stem, *(self.template.layout.stage_rows(stage)[1] for stage in BACKBONE)):
            outputs: list[Tensor] = []
            maps.append(outputs)
            network.model[row].register_forward_hook(lambda module, inputs, output, into=outputs: into.append(output))
        with torch.no_grad():
            for images in split.images.split(64):
                network(images.to(self.device).float().div_(255))
        return [torch.cat(outputs) for outputs in maps]


def regression(entries: Values, scores: Values, ridge: float = 1.0) -> list[float]:
    """Linear regression with a penalty on the slopes' distance from their mean.

    A few members are too few to estimate a slope for each stage without the penalty.

    Args:
        entries: (n, stages), logarithms of the errors of n members.
        scores: (n,), their AP50-95.
        ridge: Weight of the penalty. It applies to slopes in standard deviations of their entries.

    Returns:
        The intercept, then a slope for each stage.
    """
    mean, deviation = entries.mean(0), np.where(entries.std(0) > 0, entries.std(0), 1)
    z, y = (entries - mean) / deviation, scores - scores.mean()
    stages = entries.shape[1]
    deviations_from_mean = np.eye(stages) - 1 / stages
    slopes = np.linalg.solve(z.T @ z + ridge * deviations_from_mean + 1e-9 * np.eye(stages), z.T @ y) / deviation
    return [float(scores.mean() - slopes @ mean), *map(float, slopes)]
