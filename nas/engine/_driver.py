"""The loop of a search: ask, gate, train, tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

from nas.detectors import cost
from nas.engine._limits import Limits
from nas.engine._record import INTERRUPTED, Record, records
from nas.engine._study import ask, interrupt
from nas.errors import InputError
from nas.proxies import Progress, Proxy
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


@dataclass(frozen=True)
class Driver:
    """Fills a study with ``budget`` trained candidates.

    ``nc`` classes and ``imgsz`` pixels are those of deployment. Baselines, the stock model first, take at most a fifth
    of the budget and pass every gate. All randomness comes from ``seed``: same seed, same table, same trials.
    """

    study: optuna.Study
    space: Space
    table: LatencyTable
    proxy: Proxy
    nc: int
    imgsz: int
    seed: int
    budget: int
    limits: Limits

    def baselines(self) -> list[Architecture]:
        """The stock model and as many uniform replacements as a fifth of the budget holds."""
        return [self.space.stock(), *self.space.uniform_replacements()][: max(1, self.budget // 5)]

    def run(self, told: Callable[[Record], None], progress: Progress) -> str:
        """Search until the budget is spent; returns why it ended. ``told`` gets every record when it is told,
        ``progress`` the share done of the running training. Raises SearchError after too many failures in a row."""
        while True:
            done = [row for row in records(self.study) if row.state not in {INTERRUPTED, "running"}]
            if sum(row.state == "trained" for row in done) >= self.budget:
                return "the budget is spent"
            idle = _tail(done, "duplicate", "gated")
            if idle >= EXHAUSTED:
                return f"the last {idle} suggestions were repeats or over a limit: the space has nothing new to offer"
            if _tail(done, "failed") >= FAILURES:
                raise SearchError(f"{FAILURES} candidates in a row failed, the last with: {done[-1].reason}")
            told(self._trial(done, progress))

    def _trial(self, done: list[Record], progress: Progress) -> Record:
        slot, baselines = len(done), self.baselines()
        fixed = self.space.parameters(baselines[slot]) if slot < len(baselines) else None
        trial = ask(self.study, self.seed, slot, fixed, explore=_tail(done, "duplicate") >= REPEATS)
        try:
            self._evaluate(trial, done, exempt=fixed is not None, progress=progress)
        except KeyboardInterrupt:
            interrupt(self.study, trial.number)
            raise
        return Record.of(self.study.get_trials(deepcopy=False)[trial.number])

    def _evaluate(self, trial: optuna.Trial, done: list[Record], exempt: bool, progress: Progress) -> None:
        """Evaluate and tell one trial. What the study shows of it is written before it is told: then it is final."""
        architecture = self.space.suggest(trial)
        detector = architecture.detector(self.nc)
        params, macs = cost(detector, self.imgsz)
        latency = self.table.predict(detector, self.imgsz).total_ms
        attributes = {"arch": str(architecture), "latency_ms": latency, "params": params, "macs": macs}
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        violations = self.limits.violations({"latency": latency, "params": params, "macs": macs})
        for name, value in violations.items():
            trial.set_constraint(name, value)
        known = next((row for row in done if row.arch == str(architecture) and row.state != "duplicate"), None)
        if known is not None:
            self._repeat(trial, known)
            return
        over = {name: value for name, value in violations.items() if value > 0}
        if over and not exempt:
            trial.set_user_attr("reason", ", ".join(f"{name} {v:.1%} over its limit" for name, v in over.items()))
            self.study.tell(trial, state=TrialState.PRUNED)
            return
        try:
            outcome = self.proxy.score(detector, self.seed, progress)
        except InputError:
            raise
        except Exception as error:  # a candidate may fail in any way; the reason is kept and the search goes on
            trial.set_user_attr("reason", f"{type(error).__name__}: {error}")
            self.study.tell(trial, state=TrialState.FAIL)
            return
        trial.set_user_attr("seconds", round(outcome.seconds, 3))
        trial.set_user_attr("rung", 1)
        self.study.tell(trial, (outcome.score, latency))

    def _repeat(self, trial: optuna.Trial, known: Record) -> None:
        """Tell a repeated architecture what is known of it; it is not trained again."""
        trial.set_user_attr("duplicate_of", known.number)
        if known.state == "trained":
            assert known.score is not None and known.latency_ms is not None
            self.study.tell(trial, (known.score, known.latency_ms))
        else:
            self.study.tell(trial, state=TrialState.PRUNED if known.state == "gated" else TrialState.FAIL)


def _tail(done: list[Record], *states: str) -> int:
    """How many records at the end are in one of these states."""
    count = 0
    for row in reversed(done):
        if row.state not in states:
            break
        count += 1
    return count
