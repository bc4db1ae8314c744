"""Trials of a run as rows: the columns of trials.csv, read from the Optuna study."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING

from nas.objectives.costs import COSTS, LATENCY
from nas.objectives.pareto import Point
from nas.spaces.architecture import Architecture, decode

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    from optuna.trial import FrozenTrial

INTERRUPTED_REASON = "interrupted"
"""Reason in the study of a trial that its process did not finish."""


class TrialState(StrEnum):
    """State of a trial."""

    TRAINED = "trained"
    DUPLICATE = "duplicate"
    """Repeats an earlier trial; nothing was trained."""
    GATED = "gated"
    """Exceeds a limit; nothing was trained."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: Its number in the study.
        state: Its state.
        arch: Its architecture string.
        score: Score on the first rung.
        latency_ms: Predicted latency of one image at the deployment size.
        params: Number of parameters.
        macs: Multiply-adds of one image.
        weight_bytes: Bytes of the deployed weights.
        rung: Highest rung that it reached.
        seconds: Duration of its training on the first rung.
        reason: The reason why it was not trained, or not again.
        higher: Mean score by rung above the first.
        over: Names of the costs whose limit it exceeds. Baselines are trained nevertheless.
    """

    number: int
    state: TrialState
    arch: str
    score: float | None = None
    latency_ms: float | None = None
    params: int | None = None
    macs: int | None = None
    weight_bytes: int | None = None
    rung: int | None = None
    seconds: float | None = None
    reason: str = ""
    higher: Mapping[int, float] = field(default_factory=dict, hash=False)
    over: tuple[str, ...] = ()

    @property
    def trained(self) -> bool:
        """True if it was trained and has a score."""
        return self.state == TrialState.TRAINED

    @property
    def architecture(self) -> Architecture:
        """The decoded architecture string."""
        return decode(self.arch)

    def costs(self, names: Iterable[str] = COSTS) -> dict[str, float]:
        """Costs by name. The trial must have been priced."""
        found = {name: getattr(self, COSTS[name].column) for name in names}
        assert None not in found.values()
        return found

    def point(self, names: Iterable[str] = LATENCY) -> Point:
        """Score on the first rung and the named costs of a trained trial."""
        assert self.score is not None
        return self.score, *self.costs(names).values()

    @staticmethod
    def from_trial(trial: FrozenTrial) -> TrialRecord:
        """The record of a trial of the study."""
        attributes = trial.user_attrs
        known = {name: attributes[name] for name in _COLUMNS if name in attributes}
        reason = attributes.get("reason", "")
        if "duplicate_of" in attributes:
            reason = f"same as trial {attributes['duplicate_of']}"
        score = trial.values[0] if trial.values else None
        over = tuple(name for name, excess in trial.constraints.items() if excess > 0)
        changes = {"number": trial.number, "state": _state(trial), "score": score, "reason": reason, "over": over}
        return TrialRecord(**(known | changes))


def short_id(arch: str) -> str:
    """6 hex digits of an architecture string, for tables that have no room for it."""
    return hashlib.sha256(arch.encode()).hexdigest()[:6]


_COLUMNS = [column.name for column in fields(TrialRecord)]


def _state(trial: FrozenTrial) -> TrialState:
    name = trial.state.name
    if name in {"RUNNING", "WAITING"}:
        return TrialState.RUNNING
    if "duplicate_of" in trial.user_attrs:
        return TrialState.DUPLICATE
    if name == "COMPLETE":
        return TrialState.TRAINED
    if name == "PRUNED":
        return TrialState.GATED
    interrupted = trial.user_attrs.get("reason") == INTERRUPTED_REASON
    return TrialState.INTERRUPTED if interrupted else TrialState.FAILED


@dataclass(frozen=True)
class RungResult:
    """One training on a rung above the first.

    Attributes:
        number: Number of the trial.
        rung: The rung, from 2.
        seed: Seed of the training.
        score: Its score; None if the training failed.
        test: Score on the test split, where there is one.
        seconds: Duration of the training.
        reason: The reason of a failure.
    """

    number: int
    rung: int
    seed: int
    score: float | None
    test: float | None = None
    seconds: float | None = None
    reason: str = ""


def keep_result(study: optuna.Study, result: RungResult) -> None:
    """Store a result in the study's attributes, since trials that have ended cannot be changed."""
    study.set_user_attr(f"rung {result.rung} of trial {result.number}, seed {result.seed}", asdict(result))


def rung_results(study: optuna.Study) -> list[RungResult]:
    """All trainings on rungs above the first that the study holds."""
    found = [value for key, value in study.user_attrs.items() if key.startswith("rung ")]
    results = (RungResult(**value) for value in found)
    return sorted(results, key=lambda result: (result.rung, result.number, result.seed))


def read_trials(study: optuna.Study) -> list[TrialRecord]:
    """All trials that have an architecture, in order."""
    rows = [TrialRecord.from_trial(trial) for trial in study.get_trials(deepcopy=False) if "arch" in trial.user_attrs]
    scores: dict[int, dict[int, list[float]]] = {}
    for result in rung_results(study):
        if result.score is not None:
            scores.setdefault(result.number, {}).setdefault(result.rung, []).append(result.score)
    means = {number: {rung: fmean(found) for rung, found in by.items()} for number, by in scores.items()}
    return [replace(row, rung=max(by), higher=by) if (by := means.get(row.number)) else row for row in rows]


def trials_frame(rows: Iterable[TrialRecord], rungs: int = 3) -> pd.DataFrame:
    """trials.csv: a row a trial. Scores on higher rungs follow the score on the first.

    Args:
        rows: The trials.
        rungs: Number of rungs that get a column.
    """
    import pandas as pd

    held = list(rows)
    plain = [name for name in _COLUMNS if name not in {"higher", "over"}]
    frame = pd.DataFrame([[getattr(row, name) for name in plain] for row in held], columns=plain)
    for rung in range(2, rungs + 1):
        scores = pd.Series([row.higher.get(rung) for row in held], dtype=float)
        frame.insert(plain.index("score") + rung - 1, f"score_rung_{rung}", scores)
    return frame.astype({"state": str} | dict.fromkeys(("params", "macs", "weight_bytes", "rung"), "Int64"))
