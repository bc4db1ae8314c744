"""Sentences of the comparison of two runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nas.latency.notices import forced_warning
from nas.reports.foreign_front import ForeignFront
from nas.reports.report_text import sentence
from nas.reports.run_data import RunData

if TYPE_CHECKING:
    import pandas as pd

MANY = 2.0
"""Ratio from which on a text says "times" in place of a percentage."""


def shared_models(shared: pd.DataFrame) -> str:
    """Number of models that both runs trained, and the ratio of their latencies.

    Args:
        shared: `nas.reports.comparison.Comparison.shared`.
    """
    if shared.empty:
        return "No model was trained in both runs."
    count = "1 model was" if len(shared) == 1 else f"{len(shared)} models were"
    ratio = shared["B / A"]
    spread = f"{ratio.min():.2f} to {ratio.max():.2f} (median {ratio.median():.2f})"
    return f"{count} trained in both runs. Latency on B is {spread} times the latency on A."


def foreign_front(here: str, there: str, front: ForeignFront) -> list[str]:
    """Losses of a front on another run's device.

    Args:
        here: Name of the run of the device.
        there: Name of the run of the front.
        front: The front.
    """
    found = []
    if front.unknown:
        total = len(front.unknown) + len(front.other)
        found.append(
            f"The latency on {here} is unknown for {len(front.unknown)} of {total} models of {there}'s front: no table "
            "contains it."
        )
    if front.volume is None:
        return found
    lost, slower = front.losses["score loss"].dropna(), front.losses["latency loss"].dropna()
    share = f"{front.volume:.1f} times" if front.volume >= MANY else f"{front.volume:.0%} of"
    found.append(f"On {here}, {there}'s front has {share} the hypervolume of {here}'s ({front.kind}).")
    if len(lost):
        does = "scores" if front.figure == "score" else f"has an {front.figure}"
        found.append(
            f"At the latency of {here}'s models, {there}'s front {does} {_signed(lost.mean())} on average and "
            f"{_signed(lost.max())} in the worst case."
        )
    if len(slower):
        found.append(f"At their {front.figure}, it is {_speed(slower.mean())} on average.")
    if none := len(front.losses) - len(lost):
        found.append(f"No model of {there} is as fast as {_owned(here, none, len(front.losses))}.")
    return found


def warnings(runs: Mapping[str, RunData], difference: str) -> list[str]:
    """Reasons to distrust the figures.

    Args:
        runs: The two runs by name.
        difference: `nas.reports.comparison.Comparison.difference`.
    """
    found = [f"The scores cannot be compared, so only latencies are: {difference}."] if difference else []
    for name, data in runs.items():
        found += [] if data.tells_apart else [f"{name}: {sentence(data.result.trust)}"]
        found += [f"{name}: {sentence(forced_warning(data.forced))}"] if data.forced else []
    return found


def _signed(loss: float) -> str:
    if abs(loss) < 0.00005:
        return "the same"
    return f"{abs(loss):.4f} {'lower' if loss > 0 else 'higher'}"


def _speed(loss: float) -> str:
    """A relative loss of latency in words: from `MANY` times on as a ratio, below as a share."""
    if 1 + loss >= MANY:
        return f"{1 + loss:.1f} times as slow"
    if 1 + loss <= 1 / MANY:
        return f"{1 / (1 + loss):.1f} times as fast"
    if abs(loss) < 0.0005:
        return "as fast"
    return f"{abs(loss):.1%} {'slower' if loss > 0 else 'faster'}"


def _owned(run: str, count: int, total: int) -> str:
    """Some of a run's models, in words."""
    if total == 1:
        return f"{run}'s only model"
    if count == total:
        return f"any of {run}'s {total} models"
    return f"the {'fastest' if count == 1 else f'{count} fastest'} of {run}'s {total} models"
