"""A trial as a row: what the study knows of it, in the columns of trials.csv."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from statistics import fmean

import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from nas.objectives.costs import COSTS, LATENCY
from nas.objectives.pareto import Point
from nas.proxies.rungs import RUNGS
from nas.spaces.architecture import Architecture, decode

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Record:
    """``state`` is trained, duplicate, gated, failed, interrupted or running; ``reason`` says why it was not trained,
    or not again. ``rung`` is the highest that it reached; ``higher`` holds its mean scores on those above the first.

    ``latency_ms`` is predicted, one image at the deployment size; ``weight_bytes`` is what the deployed weights take;
    ``seconds`` is what the proxy took.
    """

    number: int
    state: str
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

    @property
    def architecture(self) -> Architecture:
        return decode(self.arch)

    def costs(self, names: Iterable[str] = COSTS) -> dict[str, float]:
        """Costs by their names; of one that was priced only."""
        found = {name: getattr(self, COSTS[name].column) for name in names}
        assert None not in found.values()
        return found

    def point(self, names: Iterable[str] = LATENCY) -> Point:
        """The score on the first rung and these costs; of a trained one only."""
        assert self.score is not None
        return self.score, *self.costs(names).values()

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
        known = {name: attrs[name] for name in KEPT if name in attrs}
        score = trial.values[0] if trial.values else None
        return Record(**(known | {"number": trial.number, "state": state, "score": score, "reason": reason}))


KEPT = [f.name for f in fields(Record)]
"""What a trial's attributes may hold of it."""


@dataclass(frozen=True)
class Result:
    """One training on a rung above the first; ``score`` is None where it failed, for ``reason``."""

    number: int
    rung: int
    seed: int
    score: float | None
    test: float | None = None
    seconds: float | None = None
    reason: str = ""


def keep(study: optuna.Study, result: Result) -> None:
    """Write a result into the study: into a trial that has ended nothing can be written."""
    study.set_user_attr(f"rung {result.rung} of trial {result.number}, seed {result.seed}", asdict(result))


def results(study: optuna.Study) -> list[Result]:
    """What the study keeps of the rungs above the first."""
    found = [value for key, value in study.user_attrs.items() if key.startswith("rung ")]
    return sorted((Result(**value) for value in found), key=lambda result: (result.rung, result.number, result.seed))


def records(study: optuna.Study) -> list[Record]:
    """All trials that got as far as an architecture, in order."""
    rows = [Record.of(trial) for trial in study.get_trials(deepcopy=False) if "arch" in trial.user_attrs]
    scores: dict[int, dict[int, list[float]]] = {}
    for result in results(study):
        if result.score is not None:
            scores.setdefault(result.number, {}).setdefault(result.rung, []).append(result.score)
    means = {number: {rung: fmean(found) for rung, found in of.items()} for number, of in scores.items()}
    return [replace(row, rung=max(of), higher=of) if (of := means.get(row.number)) else row for row in rows]


def table(rows: Iterable[Record]) -> pd.DataFrame:
    """trials.csv: a row a trial, whole numbers whole; after the score on the first rung those on the higher ones."""
    held = list(rows)
    plain = [name for name in KEPT if name != "higher"]
    frame = pd.DataFrame([[getattr(row, name) for name in plain] for row in held], columns=plain)
    for rung in range(2, RUNGS + 1):
        scores = pd.Series([row.higher.get(rung) for row in held], dtype=float)
        frame.insert(plain.index("score") + rung - 1, f"score_rung_{rung}", scores)
    return frame.astype(dict.fromkeys(("params", "macs", "weight_bytes", "rung"), "Int64"))
