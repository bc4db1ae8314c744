"""Samplers: they suggest the candidate that is trained next."""

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
from nas.runs.trials import TrialRecord
from nas.search.surrogate import Surrogate, Values, expected_gain, tabulate
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space

STARTUP = 10
"""Trained candidates before a sampler learns from them."""
POPULATION = 10
"""Population of NSGA-II. Its default of 50 would spend a whole search on the first generation."""
COST_FEATURES = ("latency", "params", "macs")
"""Costs that predict a score, beside `Architecture.summary`."""
MOST = 400
"""`Guided` learns from the front and from the last trained candidates, at most this many: a Gaussian process over a
thousand takes longer than the rest of the driver."""
POOL = 48
"""`Guided` chooses from this many mutants and as many random members."""


@dataclass(frozen=True)
class SearchState:
    """State of a search, as a sampler sees it.

    Attributes:
        study: The Optuna study.
        space: The search space.
        target: The deployment target.
        limits: Limits on costs.
        done: Trials that have ended.
        running: Architectures that are in training.
    """

    study: optuna.Study
    space: Space
    target: Target
    limits: Limits
    done: Sequence[TrialRecord]
    running: Sequence[Architecture]

    @property
    def trained(self) -> list[TrialRecord]:
        return [row for row in self.done if row.state == "trained"]


class Sampler(ABC):
    """Suggests the next candidate.

    Every trial has its own random generator and samplers have no memory, so a resumed run asks as an uninterrupted one.
    """

    name: ClassVar[str]
    space_filling: ClassVar[bool] = True
    """True if the first `STARTUP` candidates are spread over the space."""

    def ask(self, state: SearchState, rng: np.random.Generator) -> Architecture | optuna.Trial:
        """The next candidate, or an Optuna trial whose parameters are not chosen yet.

        Args:
            state: State of the search.
            rng: Random generator of this trial.
        """
        if self.space_filling and len(state.trained) + len(state.running) < STARTUP:
            found = spread(state, rng)
            if found is not None:
                return found
        return self.suggest(state, rng)

    @abstractmethod
    def suggest(self, state: SearchState, rng: np.random.Generator) -> Architecture | optuna.Trial:
        """As `ask`, after the space-filling start."""


class OptunaSampler(Sampler):
    """A sampler of Optuna, created for every trial."""

    @abstractmethod
    def make(self, seed: int) -> BaseSampler:
        """Create Optuna's sampler."""

    def suggest(self, state: SearchState, rng: np.random.Generator) -> optuna.Trial:
        with warnings.catch_warnings():
            # Joint sampling of a conditional space (`group`) is still experimental in Optuna.
            warnings.simplefilter("ignore", ExperimentalWarning)
            state.study.sampler = self.make(_seed(rng))
            return state.study.ask()


class Tpe(OptunaSampler):
    name = "tpe"

    def make(self, seed: int) -> BaseSampler:
        return TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=STARTUP)


class Nsga2(OptunaSampler):
    name = "nsga2"

    def make(self, seed: int) -> BaseSampler:
        return NSGAIISampler(seed=seed, population_size=POPULATION)


class Gp(OptunaSampler):
    name = "gp"

    def make(self, seed: int) -> BaseSampler:
        return GPSampler(seed=seed, n_startup_trials=STARTUP)


class Random(OptunaSampler):
    name = "random"
    space_filling = False

    def make(self, seed: int) -> BaseSampler:
        return RandomSampler(seed=seed)


class Guided(Sampler):
    """Takes the candidate with the largest expected hypervolume improvement (EHVI).

    Candidates are mutants of the front and random members. Their costs are known; a surrogate predicts their scores
    (`nas.search.surrogate`). A space-filling start does not help it: experiments/search found the front one or two
    trials later with one.
    """

    name = "guided"
    space_filling = False

    def suggest(self, state: SearchState, rng: np.random.Generator) -> Architecture | optuna.Trial:
        trained = state.trained
        if not trained:
            return Random().suggest(state, rng)
        minimize = state.target.minimize
        # Baselines may exceed a limit. Candidates within the limits need not beat them.
        limits = state.limits
        within = [i for i, row in enumerate(trained) if limits.met_by(row.costs(limits.names))] or range(len(trained))
        best = [within[i] for i in pareto([trained[i].point(minimize) for i in within])]
        front = [state.space.decode(trained[i].arch) for i in best]
        trained = [trained[i] for i in sorted({*best, *range(len(trained))[-MOST:]})]
        mutants = (state.space.mutate(front[int(rng.integers(len(front)))], rng) for _ in range(10 * POOL))
        pool = [*_new(state, mutants), *_new(state, (state.space.random(rng) for _ in range(10 * POOL)))]
        if not pool:
            return Random().suggest(state, rng)
        known = [Priced(state.space.decode(row.arch), row.costs()) for row in trained]
        known += [_priced(state, member) for member in state.running]
        x, scores = encode([*known, *pool]), np.array([row.point()[0] for row in trained])
        known_x, pool_x = x[: len(known)], x[len(known) :]
        if state.running:  # their scores are predicted
            expected = Surrogate(known_x[: len(trained)], scores).mean(known_x[len(trained) :])
            scores = np.concatenate([scores, expected])
        surrogate = Surrogate(known_x, scores)
        costs = np.array([[member.costs[name] for name in minimize] for member in (*known, *pool)])
        smoothed = zip(known, surrogate.fitted, costs[: len(known)], strict=True)
        points = [(score, *cost) for member, score, cost in smoothed if limits.met_by(member.costs)]
        gain = expected_gain(
            costs[len(known) :],
            surrogate.mean(pool_x),
            surrogate.sd(pool_x),
            [points[i] for i in pareto(points)],
            (scores.min(), *costs.max(0)),
        )
        return pool[int(gain.argmax())].architecture


KINDS: tuple[type[Sampler], ...] = (Tpe, Nsga2, Gp, Random, Guided)

SAMPLERS: dict[str, type[Sampler]] = {kind.name: kind for kind in KINDS}
"""Samplers by name."""


class Priced(NamedTuple):
    """A member and its costs, see `Target.costs`."""

    architecture: Architecture
    costs: dict[str, float]


def spread(state: SearchState, rng: np.random.Generator) -> Architecture | None:
    """The random member within the limits with the largest distance to all earlier ones; None if none is within.

    The distance is over the choices, not over the costs.
    """
    known = [state.space.decode(row.arch) for row in state.trained] + list(state.running)
    asked = {row.arch for row in state.done}
    pool = [state.space.random(rng) for _ in range(POOL)]
    x = tabulate([member.features for member in (*known, *pool)])
    x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    near = ((x[len(known) :, None] - x[None, : len(known)]) ** 2).sum(-1).min(1, initial=np.inf)
    by_distance = [pool[index] for index in np.argsort(-near, kind="stable") if near[index] > 0]
    return next((m for m in by_distance if str(m) not in asked and state.limits.met_by(_priced(state, m).costs)), None)


def encode(members: Sequence[Priced]) -> Values:
    """Features of each member: its summary and the logarithms of its costs."""
    return tabulate(
        [m.architecture.summary | {name: math.log2(m.costs[name]) for name in COST_FEATURES} for m in members]
    )


def _new(state: SearchState, members: Iterator[Architecture]) -> list[Priced]:
    """The first `POOL` members that are new and within all limits."""
    known = {row.arch for row in state.done} | {str(member) for member in state.running}
    found: list[Priced] = []
    for member in members:
        if str(member) in known:
            continue
        known.add(str(member))
        priced = _priced(state, member)
        if state.limits.met_by(priced.costs):
            found.append(priced)
            if len(found) == POOL:
                break
    return found


def _priced(state: SearchState, member: Architecture) -> Priced:
    return Priced(member, state.target.costs(member))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**32))
