"""A trial as a row: what the study knows of it, in the columns of trials.csv."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from nas.spaces import Architecture, decode

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Record:
    """``state`` is trained, duplicate, gated, failed, interrupted or running; ``reason`` says why it was not trained,
    or not again.

    ``latency_ms`` is predicted, one image at the deployment size; ``seconds`` is what the proxy took.
    """

    number: int
    state: str
    arch: str
    score: float | None = None
    latency_ms: float | None = None
    params: int | None = None
    macs: int | None = None
    rung: int | None = None
    seconds: float | None = None
    reason: str = ""

    @property
    def architecture(self) -> Architecture:
        return decode(self.arch)

    @staticmethod
    def of(trial: FrozenTrial) -> Record:
        """The record of a trial of our study."""
        attrs = trial.user_attrs
        reason = attrs.get("reason", "")
        if trial.state == TrialState.COMPLETE:
            state = "duplicate" if "duplicate_of" in attrs else "trained"
        elif trial.state == TrialState.PRUNED:
            state = "duplicate" if "duplicate_of" in attrs else "gated"
        elif trial.state == TrialState.FAIL:
            state = "duplicate" if "duplicate_of" in attrs else INTERRUPTED if reason == INTERRUPTED else "failed"
        else:
            state = "running"
        if "duplicate_of" in attrs:
            reason = f"same as trial {attrs['duplicate_of']}"
        known = {f.name: attrs[f.name] for f in fields(Record) if f.name in attrs}
        score = trial.values[0] if trial.values else None
        return Record(**(known | {"number": trial.number, "state": state, "score": score, "reason": reason}))


def records(study: optuna.Study) -> list[Record]:
    """All trials that got as far as an architecture, in order."""
    return [Record.of(trial) for trial in study.get_trials(deepcopy=False) if "arch" in trial.user_attrs]


def table(rows: Iterable[Record]) -> pd.DataFrame:
    """trials.csv: a row a trial, whole numbers whole."""
    frame = pd.DataFrame([asdict(row) for row in rows], columns=[f.name for f in fields(Record)])
    return frame.astype({"params": "Int64", "macs": "Int64", "rung": "Int64"})
