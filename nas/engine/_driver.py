"""The loop of a search: ask, gate, train, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import optuna
from optuna.trial import TrialState

from nas.detectors import Detector, cost
from nas.engine._limits import Limits
from nas.engine._record import INTERRUPTED, Record, records
from nas.engine._study import ask, interrupt
from nas.proxies import Outcome, Progress
from nas.spaces import Architecture, Space

if TYPE_CHECKING:
    from nas.tables import LatencyTable

REPEATS = 5
"""Trials in a row that repeat known architectures before one is drawn at random instead of by the sampler."""
EXHAUSTED = 500
"""Trials in a row without anything new after which the space counts as exhausted."""
FAILURES = 10
"""Failures in a row that end the search: the fault is then not the candidates'."""


class SearchError(Exception):
    """The search cannot go on; the message says why and the run directory keeps what was found."""


class Score(Protocol):
    """Scores detectors with a seed, in order; an exception stands where one could not be scored."""

    def __call__(self, detectors: Sequence[Detector], seed: int, progress: Progress, /) -> list[Outcome | Exception]:
        """As `nas.engine.Workers.score`."""


@dataclass(frozen=True)
class Driver:
    """Fills a study with ``budget`` trained candidates, asking for ``workers`` of them at a time.

    ``nc`` classes and ``imgsz`` pixels are those of deployment. Baselines, the stock model first, take at most a fifth
    of the budget and pass every gate. All randomness comes from ``seed``: same seed, table and number of workers, same
    trials. A round is told whole and in the order in which it was asked, whoever finished first.
    """

    study: optuna.Study
    space: Space
    table: LatencyTable
    score: Score
    nc: int
    imgsz: int
    seed: int
    budget: int
    limits: Limits
    workers: int = 1

    def baselines(self) -> list[Architecture]:
        """The stock model and as many uniform replacements as a fifth of the budget holds."""
        return [self.space.stock(), *self.space.uniform_replacements()][: max(1, self.budget // 5)]

    def run(self, told: Callable[[Record], None], progress: Progress) -> str:
        """Search until the budget is spent; returns why it ended. ``told`` gets every record when it is told,
        ``progress`` the share done of the running round. Raises SearchError after too many failures in a row."""
        while True:
            done = [row for row in records(self.study) if row.state not in {INTERRUPTED, "running"}]
            left = self.budget - sum(row.state == "trained" for row in done)
            if left <= 0:
                return "the budget is spent"
            idle = _tail(done, "duplicate", "gated")
            if idle >= EXHAUSTED:
                return f"the last {idle} suggestions were repeats or over a limit: the space has nothing new to offer"
            if _tail(done, "failed") >= FAILURES:
                raise SearchError(f"{FAILURES} candidates in a row failed, the last with: {done[-1].reason}")
            for record in self._round(done, min(self.workers, left), progress):
                told(record)

    def _round(self, done: list[Record], size: int, progress: Progress) -> list[Record]:
        """Ask for ``size`` trials, score the new ones that pass the gates, and tell all."""
        asked: list[_Asked] = []
        try:
            for slot in range(len(done), len(done) + size):
                asked.append(self._ask(slot, done))
            known = {row.arch: row for row in reversed(done) if row.state != "duplicate"}
            new = {a.arch: a for a in reversed(asked) if a.arch not in known and not a.over}
            scored = list(new.values())[::-1]
            results = self.score([a.detector for a in scored], self.seed, progress) if scored else []
            outcomes = {a.arch: result for a, result in zip(scored, results, strict=True)}
        except KeyboardInterrupt:
            for entry in asked:
                interrupt(self.study, entry.trial.number)
            raise
        told = []
        for entry in asked:
            self._tell(entry, known.get(entry.arch), outcomes.get(entry.arch))
            told.append(Record.of(self.study.get_trials(deepcopy=False)[entry.trial.number]))
            known.setdefault(entry.arch, told[-1])
        return told

    def _ask(self, slot: int, done: list[Record]) -> _Asked:
        """Ask for a trial and write what can be known of it without training."""
        baselines = self.baselines()
        fixed = self.space.parameters(baselines[slot]) if slot < len(baselines) else None
        trial = ask(self.study, self.seed, slot, fixed, explore=_tail(done, "duplicate") >= REPEATS)
        architecture = self.space.suggest(trial)
        detector = architecture.detector(self.nc)
        params, macs = cost(detector, self.imgsz)
        latency = self.table.predict(detector, self.imgsz).total_ms
        for name, value in {"arch": str(architecture), "latency_ms": latency, "params": params, "macs": macs}.items():
            trial.set_user_attr(name, value)
        violations = self.limits.violations({"latency": latency, "params": params, "macs": macs})
        for name, value in violations.items():
            trial.set_constraint(name, value)
        over = {} if fixed is not None else {name: value for name, value in violations.items() if value > 0}
        return _Asked(trial, str(architecture), detector, latency, over)

    def _tell(self, asked: _Asked, known: Record | None, outcome: Outcome | Exception | None) -> None:
        """End a trial. What the study shows of it is written before it is told: then it is final."""
        trial = asked.trial
        if known is not None:
            trial.set_user_attr("duplicate_of", known.number)
            if known.state == "trained":
                assert known.score is not None and known.latency_ms is not None
                self.study.tell(trial, (known.score, known.latency_ms))
            else:
                self.study.tell(trial, state=TrialState.PRUNED if known.state == "gated" else TrialState.FAIL)
        elif isinstance(outcome, Outcome):
            trial.set_user_attr("seconds", round(outcome.seconds, 3))
            trial.set_user_attr("rung", 1)
            self.study.tell(trial, (outcome.score, asked.latency))
        elif outcome is not None:
            trial.set_user_attr("reason", f"{type(outcome).__name__}: {outcome}")
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            reason = ", ".join(f"{name} {value:.1%} over its limit" for name, value in asked.over.items())
            trial.set_user_attr("reason", reason)
            self.study.tell(trial, state=TrialState.PRUNED)


@dataclass(frozen=True)
class _Asked:
    """A running trial: its detector, predicted latency in ms, and by how much it lies over which limit."""

    trial: optuna.Trial
    arch: str
    detector: Detector
    latency: float
    over: Mapping[str, float]


def _tail(done: list[Record], *states: str) -> int:
    """How many records at the end are in one of these states."""
    count = 0
    for row in reversed(done):
        if row.state not in states:
            break
        count += 1
    return count
