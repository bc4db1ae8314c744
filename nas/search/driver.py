"""Driver of a search: ask for a candidate, check its limits, train it, tell the study."""

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
from optuna.trial import TrialState as OptunaState

from nas.errors import InputError, SearchError
from nas.execution.score import Score, wait_for_outcome
from nas.interrupts import stop_if_asked
from nas.objectives.costs import COSTS
from nas.objectives.limits import Limits
from nas.objectives.pareto import Point
from nas.objectives.target import Target
from nas.plurals import counted
from nas.proxies.outcome import Outcome
from nas.runs.observer import NO_OBSERVER, TrialObserver
from nas.runs.patient_storage import StorageLostError
from nas.runs.study import begin_trial, interrupt, interrupted_slots, sync
from nas.runs.trials import TrialRecord, TrialState, read_trials
from nas.search.samplers import Random, Sampler, SearchState
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space

REPEATS = 5
"""Duplicates in a row after which one candidate is drawn at random instead of by the sampler."""
EXHAUSTED = 500
"""Trials in a row without anything new after which the space counts as exhausted."""
FAILURES = 10
"""Failures in a row that end the search: the candidates are not the cause then."""


@dataclass(frozen=True)
class Driver:
    """Fills a study with ``budget`` trained candidates.

    Baselines come first, the stock model before all others. They take at most a fifth of the budget and ignore limits.
    A failed stock model ends the search.

    The same seed, table and number of workers give the same trials: the study is told in the order of asking, and each
    trial is asked for after the same number of others was told. Several workers have one trial more than workers open,
    so that none waits for an older trial; a single worker asks with everything told.

    Attributes:
        study: The Optuna study.
        space: The search space.
        target: The deployment target.
        score: Trains candidates.
        sampler: Suggests candidates.
        seed: Seed of all random choices and trainings.
        budget: Number of candidates to train.
        limits: Limits on costs.
        workers: Candidates trained at once.
        start: Architectures to train first.
        until: Time of `time.monotonic` after which no further candidate is asked for, once one is trained.
        observer: Is notified of trials.
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
    observer: TrialObserver = NO_OBSERVER

    def baselines(self) -> list[Architecture]:
        """Architectures that the search starts from, at most a fifth of the budget: the stock model, ``start``, the
        stock model at other image sizes, and the uniform replacements."""
        return self._all_baselines()[: max(1, self.budget // 5)]

    def left_out(self) -> list[Architecture]:
        """Baselines that exceed a fifth of the budget."""
        return self._all_baselines()[len(self.baselines()) :]

    def _all_baselines(self) -> list[Architecture]:
        by_hand = (*self.space.resized(), *self.space.uniform_replacements())
        return list(dict.fromkeys((self.space.stock(), *self.start, *by_hand)))

    @cached_property
    def _interrupted(self) -> dict[int, str]:
        return interrupted_slots(self.study)

    def run(self, ended: Callable[[TrialRecord], None]) -> str:
        """Search until the budget is spent.

        Args:
            ended: Receives every trial when it has ended.

        Returns:
            The reason why the search ended.

        Raises:
            SearchError: The stock model failed, too many candidates failed in a row, or candidates can no longer be
                trained or stored. A resumed search tries again.
        """
        asked: deque[_Asked] = deque()
        unfinished = {TrialState.INTERRUPTED, TrialState.RUNNING}
        done = [row for row in read_trials(self.study) if row.state not in unfinished]
        before = len(done)
        try:
            while True:
                stop_if_asked()
                reason = self._end_reason(done, before)
                if not reason:
                    self._fill(asked, done)
                elif not asked:
                    return reason
                done.append(self._tell(asked.popleft(), done))
                ended(done[-1])
                if self._is_failed_stock(done[-1]):
                    raise SearchError(f"the stock model could not be trained: {done[-1].reason}")
        except (KeyboardInterrupt, InputError, SearchError):
            with suppress(StorageLostError):
                interrupt(self.study)
            raise

    def _end_reason(self, done: list[TrialRecord], before: int) -> str:
        """The reason to ask for no more; empty to go on. The first ``before`` trials are of an earlier process, whose
        failures do not count."""
        count = sum(row.trained for row in done)
        if count >= self.budget:
            return "the budget is spent"
        if count and time.monotonic() >= self.until:
            return f"the time limit is reached, with {count} of {counted(self.budget, 'candidate')} trained"
        if _tail(done[before:], TrialState.FAILED) >= FAILURES:
            raise SearchError(f"{FAILURES} candidates in a row failed, the last with: {done[-1].reason}")
        idle = _tail(done, TrialState.DUPLICATE, TrialState.GATED)
        if idle >= EXHAUSTED:
            return f"the last {idle} suggestions were repeats or over a limit: the space is exhausted"
        return ""

    def _fill(self, asked: deque[_Asked], done: list[TrialRecord]) -> None:
        """Ask for as many trials as may be open at once, and start their trainings."""
        most = self.workers + 1 if self.workers > 1 else 1
        left = self.budget - sum(row.trained for row in done)
        known = {row.arch for row in done if self._is_final(row)} | {entry.arch for entry in asked}
        while len(asked) < most and sum(entry.training is not None for entry in asked) < left:
            entry = self._ask(len(done) + len(asked), done, asked, known)
            asked.append(entry)
            if entry.arch in known:
                continue
            known.add(entry.arch)
            member = entry.architecture
            if not entry.over:
                entry.training = self.score(self.target.detector(member), self.seed, scale=self.target.scale(member))
            self.observer.asked(entry.trial, member)  # while it is trained

    def _is_final(self, row: TrialRecord) -> bool:
        """Return True if retraining is unnecessary. A failed stock model is always retried."""
        return row.state != TrialState.DUPLICATE and not self._is_failed_stock(row)

    def _is_failed_stock(self, row: TrialRecord) -> bool:
        return row.state == TrialState.FAILED and row.arch == str(self.space.stock())

    def _ask(self, slot: int, done: list[TrialRecord], open_trials: Iterable[_Asked], known: Collection[str]) -> _Asked:
        """Ask for a trial and store its costs; ``known`` are the architectures that were asked for."""
        baselines = self.baselines()
        asked = self._suggest(slot, done, open_trials, [member for member in baselines if str(member) not in known])
        architecture = self.space.suggest(asked) if isinstance(asked, optuna.Trial) else asked
        costs = self.target.costs(architecture)
        # The architecture is last: a trial that has it has all attributes.
        attributes: dict[str, Any] = {"slot": slot} | {COSTS[name].column: value for name, value in costs.items()}
        attributes |= {"arch": str(architecture)}
        if isinstance(asked, optuna.Trial):
            trial = asked
            for name, value in attributes.items():
                trial.set_user_attr(name, value)
        else:
            trial = begin_trial(self.study, self.space, architecture, attributes)
        violations = self.limits.violations(costs)
        for name, value in violations.items():
            trial.set_constraint(name, value)
        over = {} if architecture in baselines else {name: value for name, value in violations.items() if value > 0}
        return _Asked(trial, architecture, [costs[name] for name in self.target.minimize], over)

    def _suggest(
        self, slot: int, done: list[TrialRecord], open_trials: Iterable[_Asked], baselines: Sequence[Architecture]
    ) -> Architecture | optuna.Trial:
        """The next candidate: an interrupted one of this slot, the first baseline left, or the sampler's choice."""
        if slot in self._interrupted:
            return self.space.decode(self._interrupted[slot])
        if baselines:
            return baselines[0]
        running = [entry.architecture for entry in open_trials if entry.training is not None]
        state = SearchState(self.study, self.space, self.target, self.limits, done, running)
        stuck = _tail(done, TrialState.DUPLICATE) >= REPEATS
        return (Random() if stuck else self.sampler).ask(state, np.random.default_rng([self.seed, slot]))

    def _tell(self, asked: _Asked, done: list[TrialRecord]) -> TrialRecord:
        """End a trial. Its attributes are written first, since a trial that has ended is final."""
        trial = asked.trial
        known = next((row for row in done if row.arch == asked.arch and self._is_final(row)), None)
        if asked.training is not None:
            values, state = self._await(asked, asked.training)
        elif known is not None:
            trial.set_user_attr("duplicate_of", known.number)
            values = known.point(self.target.minimize) if known.trained else None
            gated = known.state == TrialState.GATED
            state = OptunaState.COMPLETE if known.trained else OptunaState.PRUNED if gated else OptunaState.FAIL
        else:
            reason = ", ".join(f"{name} {value:.1%} over its limit" for name, value in asked.over.items())
            trial.set_user_attr("reason", reason)
            values, state = None, OptunaState.PRUNED
        ended = self.study.tell(trial, values, state)
        sync(self.study)
        return TrialRecord.from_trial(ended)

    def _await(self, asked: _Asked, training: Future[Outcome]) -> tuple[Point | None, OptunaState]:
        """Wait for a training and store its result; the values and the state of its trial."""
        trial = asked.trial
        try:
            outcome = wait_for_outcome(training)
        except (InputError, SearchError):
            raise  # the candidate is not the cause
        except Exception as error:
            trial.set_user_attr("reason", f"{type(error).__name__}: {error}")
            return None, OptunaState.FAIL
        trial.set_user_attr("seconds", round(outcome.seconds, 3))
        trial.set_user_attr("rung", 1)
        if outcome.cached:
            trial.set_user_attr("reason", "score of an earlier run, from the cache")
        self.observer.trained(trial, asked.architecture, outcome)
        return (outcome.score, *asked.costs), OptunaState.COMPLETE


@dataclass
class _Asked:
    """An open trial.

    Attributes:
        trial: The Optuna trial.
        architecture: Its architecture.
        costs: Costs that are minimized.
        over: Relative excess over each limit that it exceeds.
        training: Its training; None if it repeats an older trial or exceeds a limit.
    """

    trial: optuna.Trial
    architecture: Architecture
    costs: Sequence[float]
    over: Mapping[str, float]
    training: Future[Outcome] | None = None

    @property
    def arch(self) -> str:
        return str(self.architecture)


def _tail(done: list[TrialRecord], *states: TrialState) -> int:
    """Number of trials at the end that are in one of these states."""
    count = 0
    for row in reversed(done):
        if row.state not in states:
            break
        count += 1
    return count
