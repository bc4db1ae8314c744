"""What is trained next."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from nas.objectives.limits import Limits
from nas.objectives.pareto import pareto
from nas.objectives.target import Target
from nas.runs.trials import Record
from nas.search.surrogate import Surrogate, Values, expected_gain, tabulate
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space

STARTUP = 10
"""Trained candidates before a sampler learns from them."""
POPULATION = 10
"""NSGA-II's; its default of 50 would make a whole search of the first generation."""
PRICES = ("latency", "params", "macs")
"""What tells a score beside `Architecture.summary`."""
MOST = 400
"""`Guided` learns from the front and from the last so many that were trained: a Gaussian process over a thousand would
take longer than all else that the driver does."""
POOL = 48
"""Mutants, and as many random members, of which `Guided` takes the most promising one."""


@dataclass(frozen=True)
class Scene:
    """What a sampler sees: the trials that have ended, and the architectures that are being trained."""

    study: optuna.Study
    space: Space
    target: Target
    limits: Limits
    done: Sequence[Record]
    running: Sequence[Architecture]

    @property
    def trained(self) -> list[Record]:
        return [row for row in self.done if row.state == "trained"]


class Sampler(ABC):
    """Suggests the next candidate.

    Every trial is asked for with a generator of its own, and nothing is remembered, so that a run taken up again asks
    as the unbroken one would have.
    """

    name: ClassVar[str]
    designed: ClassVar[bool] = True
    """Whether the first ones, up to STARTUP, are spread over the space instead."""

    def ask(self, scene: Scene, rng: np.random.Generator) -> Architecture | optuna.Trial:
        """The next candidate, or a trial that Optuna has yet to choose the parameters of."""
        if self.designed and len(scene.trained) + len(scene.running) < STARTUP:
            found = spread(scene, rng)
            if found is not None:
                return found
        return self.suggest(scene, rng)

    @abstractmethod
    def suggest(self, scene: Scene, rng: np.random.Generator) -> Architecture | optuna.Trial:
        """The next one, from what the others found."""


class Optunas(Sampler):
    """One of Optuna's, made anew for every trial."""

    @abstractmethod
    def make(self, seed: int) -> BaseSampler:
        """Optuna's sampler."""

    def suggest(self, scene: Scene, rng: np.random.Generator) -> optuna.Trial:
        with warnings.catch_warnings():
            # Joint sampling of a conditional space, which is what `group` is for, is still marked experimental.
            warnings.simplefilter("ignore", ExperimentalWarning)
            scene.study.sampler = self.make(_seed(rng))
            return scene.study.ask()


class Tpe(Optunas):
    name = "tpe"

    def make(self, seed: int) -> BaseSampler:
        return TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=STARTUP)


class Nsga2(Optunas):
    name = "nsga2"

    def make(self, seed: int) -> BaseSampler:
        return NSGAIISampler(seed=seed, population_size=POPULATION)


class Gp(Optunas):
    name = "gp"

    def make(self, seed: int) -> BaseSampler:
        return GPSampler(seed=seed, n_startup_trials=STARTUP)


class Random(Optunas):
    name = "random"
    designed = False

    def make(self, seed: int) -> BaseSampler:
        return RandomSampler(seed=seed)


class Guided(Sampler):
    """Mutants of the front and random members, and of these the one that can be expected to add most to the front: its
    costs are known, and its score is predicted from those trained (`nas.search.surrogate`).

    It needs no design: experiments/search found it a trial or two later with one than without.
    """

    name = "guided"
    designed = False

    def suggest(self, scene: Scene, rng: np.random.Generator) -> Architecture | optuna.Trial:
        trained = scene.trained
        if not trained:
            return Random().suggest(scene, rng)
        minimised = scene.target.minimised
        # Baselines may break a limit: what keeps it need not beat them.
        limits = scene.limits
        kept = [i for i, row in enumerate(trained) if limits.kept_by(row.costs(limits.names))] or range(len(trained))
        best = [kept[i] for i in pareto([trained[i].point(minimised) for i in kept])]
        front = [scene.space.decode(trained[i].arch) for i in best]
        trained = [trained[i] for i in sorted({*best, *range(len(trained))[-MOST:]})]
        mutants = (scene.space.mutate(front[int(rng.integers(len(front)))], rng) for _ in range(10 * POOL))
        pool = [*_new(scene, mutants), *_new(scene, (scene.space.random(rng) for _ in range(10 * POOL)))]
        if not pool:
            return Random().suggest(scene, rng)
        known = [Priced(scene.space.decode(row.arch), row.costs()) for row in trained]
        known += [_priced(scene, member) for member in scene.running]
        x, scores = encode([*known, *pool]), np.array([row.point()[0] for row in trained])
        of_known, of_pool = x[: len(known)], x[len(known) :]
        if scene.running:  # taken for what they are expected to become
            expected = Surrogate(of_known[: len(trained)], scores).mean(of_known[len(trained) :])
            scores = np.concatenate([scores, expected])
        surrogate = Surrogate(of_known, scores)
        costs = np.array([[member.costs[name] for name in minimised] for member in (*known, *pool)])
        believed = zip(known, surrogate.fitted, costs[: len(known)], strict=True)
        points = [(score, *of) for member, score, of in believed if limits.kept_by(member.costs)]
        gain = expected_gain(
            costs[len(known) :],
            surrogate.mean(of_pool),
            surrogate.sd(of_pool),
            [points[i] for i in pareto(points)],
            (scores.min(), *costs.max(0)),
        )
        return pool[int(gain.argmax())].architecture


KINDS: tuple[type[Sampler], ...] = (Tpe, Nsga2, Gp, Random, Guided)

SAMPLERS: dict[str, type[Sampler]] = {kind.name: kind for kind in KINDS}
"""Samplers by the name that ``--sampler`` takes."""


class Priced(NamedTuple):
    """A member and what it costs, as in `Target.costs`."""

    architecture: Architecture
    costs: dict[str, float]


def spread(scene: Scene, rng: np.random.Generator) -> Architecture | None:
    """Of random members that keep the limits the one farthest from all that were asked for; None where none keeps them.
    Far is what makes other choices: what it costs follows."""
    known = [scene.space.decode(row.arch) for row in scene.trained] + list(scene.running)
    asked = {row.arch for row in scene.done}
    pool = [scene.space.random(rng) for _ in range(POOL)]
    x = tabulate([member.features for member in (*known, *pool)])
    x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    near = ((x[len(known) :, None] - x[None, : len(known)]) ** 2).sum(-1).min(1, initial=np.inf)
    by_distance = [pool[index] for index in np.argsort(-near, kind="stable") if near[index] > 0]
    return next((m for m in by_distance if str(m) not in asked and scene.limits.kept_by(_priced(scene, m).costs)), None)


def encode(members: Sequence[Priced]) -> Values:
    """A row of numbers a member: its summary, and the logarithms of what it costs."""
    return tabulate([m.architecture.summary | {name: math.log2(m.costs[name]) for name in PRICES} for m in members])


def _new(scene: Scene, members: Iterator[Architecture]) -> list[Priced]:
    """The first POOL of these that nobody asked for yet and that keep every limit."""
    known = {row.arch for row in scene.done} | {str(member) for member in scene.running}
    found: list[Priced] = []
    for member in members:
        if str(member) in known:
            continue
        known.add(str(member))
        priced = _priced(scene, member)
        if scene.limits.kept_by(priced.costs):
            found.append(priced)
            if len(found) == POOL:
                break
    return found


def _priced(scene: Scene, member: Architecture) -> Priced:
    return Priced(member, scene.target.costs(member))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**32))
