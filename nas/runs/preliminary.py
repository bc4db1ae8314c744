"""Preliminary front of a run that has not ended: candidates with the score of one training and predicted latency."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError
from nas.runs.finalists import Finalist, front_of
from nas.runs.trials import TrialState
from nas.spaces.architecture import decode

if TYPE_CHECKING:
    from nas.runs.run import Run


def preliminary_front(run: Run) -> list[Finalist]:
    """The Pareto front of the candidates that a run has trained until now, fastest first.

    Nothing is measured end-to-end yet, and no model has a YAML file. A model is named after its trial.

    Args:
        run: A run that is interrupted, failed or still running.

    Raises:
        ConfigError: No candidate is trained yet, or trials.csv is missing or damaged.
    """
    trials = run.table("trials")
    rows = trials[trials.state == TrialState.TRAINED.value].to_dict("records")
    if not rows:
        raise ConfigError("has no trained candidate yet", file=run.folder, hint="continue the search with `resume`")
    stock = rows[0]["arch"]  # trial 0
    found = [_candidate(row, run.config.imgsz[0], stock) for row in rows]
    names = {row["arch"]: f"trial-{row['number']}" for row in rows}
    front = front_of(found, run.config.limits, run.config.minimize)
    return [replace(model, name=names[model.arch], yaml="") for model in front.models]


def _candidate(row: dict[Any, Any], imgsz: int, stock: str) -> Finalist:
    return Finalist(
        name="",
        arch=row["arch"],
        imgsz=decode(row["arch"]).imgsz or imgsz,
        score=float(row["score"]),
        score_sd=None,
        score_n=1,
        test_score=None,
        latency_predicted_ms=float(row["latency_ms"]),
        latency_ms=None,
        latency_spread_ms=None,
        params=int(row["params"]),
        macs=int(row["macs"]),
        weight_bytes=int(row["weight_bytes"]),
        budgets_kept="",
        yaml="",
        stock=row["arch"] == stock,
    )
