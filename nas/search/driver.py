"""The loop of a search: ask, gate, train, tell."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from nas.errors import InputError
from nas.execution.score import Score, SearchError, outcome_of
from nas.interrupts import stop_if_asked
from nas.objectives.costs import COSTS
from nas.objectives.limits import Limits
from nas.objectives.pareto import Point
from nas.objectives.target import Target
from nas.proxies.base import Outcome
from nas.runs.observer import NOBODY, Watcher
from nas.runs.storage import StorageLostError
from nas.runs.study import begin, cut_off, interrupt, sync
from nas.runs.trials import INTERRUPTED, Record, records
from nas.search.samplers import Random, Sampler, Scene
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space

REPEATS = 5
"""Trials in a row that repeat known architectures before one is drawn at random instead of by the sampler."""
EXHAUSTED = 500
"""Trials in a row without anything new after which the space counts as exhausted."""
FAILURES = 10
"""Failures in a row that end the search: the fault is then not the candidates'."""


@dataclass(frozen=True)
class Driver:
    """Fills a study with ``budget`` trained candidates, ``workers`` of them trained at once.

    Baselines, the stock model first, take at most a fifth of the budget and pass every gate; without the stock model
    there is no search. All randomness comes from
    ``seed``: same seed, table and number of workers, same trials, because trials are told in the order in which they
    were asked, whoever finished first, and each is asked for after the same number of others was told. One more is
    asked for than there are workers, so that none waits for an
    older trial to end; a single worker is asked when it is free, with everything told. After ``until``, seconds of
    `time.monotonic`, nothing more is asked for once a candidate is trained.
    """

    study: optuna.Study
    space: Space
    target: Target
    score: Score
    sampler: Sampler
    seed: int
    budget: int
    limits: Limits
    workers: int = 1
    start: tuple[Architecture, ...] = ()
    until: float = math.inf
    watcher: Watcher = NOBODY

    def baselines(self) -> list[Architecture]:
        """What the search starts from: the stock model, what the user named, the stock model on images of other
        sizes, and the uniform replacements, as many as a fifth of the budget holds."""
        return self._known()[: max(1, self.budget // 5)]

    def left_out(self) -> list[Architecture]:
        """Those of them that this fifth does not hold."""
        return self._known()[len(self.baselines()) :]

    def _known(self) -> list[Architecture]:
        by_hand = (*self.space.resized(), *self.space.uniform_replacements())
        return list(dict.fromkeys((self.space.stock(), *self.start, *by_hand)))

    @cached_property
    def _cut_off(self) -> dict[int, str]:
        return cut_off(self.study)

    def run(self, told: Callable[[Record], None]) -> str:
        """Search until the budget is spent; returns why it ended. ``told`` gets every record when it is told.

        Raises SearchError when the stock model fails, after too many failures in a row, or when nothing can be scored
        or stored any more; taken up again, it tries anew.
        """
        asked: deque[_Asked] = deque()
        done = [row for row in records(self.study) if row.state not in {INTERRUPTED, "running"}]
        before = len(done)
        try:
            while True:
                stop_if_asked()
                ended = self._ended(done, before)
                if not ended:
                    self._fill(asked, done)
                elif not asked:
                    return ended
                done.append(self._tell(asked.popleft(), done))
                told(done[-1])
                if done[-1].state == "failed" and done[-1].arch == str(self.space.stock()):
                    raise SearchError(f"the stock model could not be trained: {done[-1].reason}")
        except (KeyboardInterrupt, InputError, SearchError):
            with suppress(StorageLostError):
                interrupt(self.study)
            raise

    def _ended(self, done: list[Record], before: int) -> str:
        """Why nothing more is asked for, if so; failures ``before`` this process took the run up do not count."""
        count = sum(row.state == "trained" for row in done)
        if count >= self.budget:
            return "the budget is spent"
        if count and time.monotonic() >= self.until:
            return f"the time limit is reached, with {count} of {self.budget} candidates trained"
        if _tail(done[before:], "failed") >= FAILURES:
            raise SearchError(f"{FAILURES} candidates in a row failed, the last with: {done[-1].reason}")
        idle = _tail(done, "duplicate", "gated")
        if idle >= EXHAUSTED:
            return f"the last {idle} suggestions were repeats or over a limit: the space has nothing new to offer"
        return ""

    def _fill(self, asked: deque[_Asked], done: list[Record]) -> None:
        """Ask for as many trials as may be open at once, and start the trainings of those that need one."""
        most = self.workers + 1 if self.workers > 1 else 1
        left = self.budget - sum(row.state == "trained" for row in done)
        known = {row.arch for row in done if self._stands(row)} | {entry.arch for entry in asked}
        while len(asked) < most and sum(entry.training is not None for entry in asked) < left:
            entry = self._ask(len(done) + len(asked), done, asked, known)
            asked.append(entry)
            if entry.arch in known:
                continue
            known.add(entry.arch)
            member = entry.architecture
            if not entry.over:
                entry.training = self.score(self.target.detector(member), self.seed, scale=self.target.scale(member))
            self.watcher.asked(entry.trial, member)  # while it is trained

    def _stands(self, row: Record) -> bool:
        """Whether its architecture is not to be trained again; the stock model is, where it failed."""
        return row.state != "duplicate" and not (row.state == "failed" and row.arch == str(self.space.stock()))

    def _ask(self, slot: int, done: list[Record], open_ones: Iterable[_Asked], known: Collection[str]) -> _Asked:
        """Ask for a trial and write what can be told without training; ``known`` architectures were asked for."""
        baselines, rng = self.baselines(), np.random.default_rng([self.seed, slot])
        to_come = [member for member in baselines if str(member) not in known]
        running = [entry.architecture for entry in open_ones if entry.training is not None]
        scene = Scene(self.study, self.space, self.target, self.limits, done, running)
        asked: Architecture | optuna.Trial
        if slot in self._cut_off:
            asked = self.space.decode(self._cut_off[slot])
        elif to_come:
            asked = to_come[0]
        else:
            asked = (Random() if _tail(done, "duplicate") >= REPEATS else self.sampler).ask(scene, rng)
        architecture = self.space.suggest(asked) if isinstance(asked, optuna.Trial) else asked
        found = self.target.costs(architecture)
        # The architecture last: what has one has all of them.
        shown: dict[str, Any] = {"slot": slot} | {COSTS[name].column: value for name, value in found.items()}
        shown |= {"arch": str(architecture)}
        if isinstance(asked, optuna.Trial):
            trial = asked
            for name, value in shown.items():
                trial.set_user_attr(name, value)
        else:
            trial = begin(self.study, self.space, architecture, shown)
        violations = self.limits.violations(found)
        for name, value in violations.items():
            trial.set_constraint(name, value)
        over = {} if architecture in baselines else {name: value for name, value in violations.items() if value > 0}
        return _Asked(trial, architecture, [found[name] for name in self.target.minimised], over)

    def _tell(self, asked: _Asked, done: list[Record]) -> Record:
        """End a trial. What the study shows of it is written before it is told: then it is final."""
        trial, arch = asked.trial, asked.arch
        known = next((row for row in done if row.arch == arch and self._stands(row)), None)
        values: Point | None = None
        state = TrialState.COMPLETE
        if asked.training is not None:
            try:
                outcome = outcome_of(asked.training)
            except (InputError, SearchError):
                raise  # no fault of the candidate's
            except Exception as error:
                trial.set_user_attr("reason", f"{type(error).__name__}: {error}")
                state = TrialState.FAIL
            else:
                trial.set_user_attr("seconds", round(outcome.seconds, 3))
                trial.set_user_attr("rung", 1)
                if outcome.cached:
                    trial.set_user_attr("reason", "score of an earlier run, from the cache")
                self.watcher.trained(trial, asked.architecture, outcome)
                values = outcome.score, *asked.minimised
        elif known is not None:
            trial.set_user_attr("duplicate_of", known.number)
            if known.state == "trained":
                values = known.point(self.target.minimised)
            else:
                state = TrialState.PRUNED if known.state == "gated" else TrialState.FAIL
        else:
            reason = ", ".join(f"{name} {value:.1%} over its limit" for name, value in asked.over.items())
            trial.set_user_attr("reason", reason)
            state = TrialState.PRUNED
        ended = self.study.tell(trial, values, state)
        sync(self.study)
        return Record.of(ended)


@dataclass
class _Asked:
    """An open trial: the costs that are minimised, by how much it lies over which limit, its training.

    Without a training it repeats an older trial, or else lies over a limit.
    """

    trial: optuna.Trial
    architecture: Architecture
    minimised: Sequence[float]
    over: Mapping[str, float]
    training: Future[Outcome] | None = None

    @property
    def arch(self) -> str:
        return str(self.architecture)


def _tail(done: list[Record], *states: str) -> int:
    """How many records at the end are in one of these states."""
    count = 0
    for row in reversed(done):
        if row.state not in states:
            break
        count += 1
    return count
