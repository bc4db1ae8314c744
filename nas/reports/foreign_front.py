"""The Pareto front of one run on the device of another run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.objectives.pareto import hypervolume
from nas.reports.device_latencies import DeviceLatencies
from nas.reports.run_data import RunData

if TYPE_CHECKING:
    import pandas as pd

MARGIN = 0.1
"""Bound of a hypervolume: this share of the scores' range below the lowest score, and above the longest latency."""


@dataclass(frozen=True)
class ForeignFront:
    """The front of another run on the device of one run, beside that run's own front.

    Attributes:
        own: Models of the own front: name, arch, imgsz, score (the AP of trained models), and the latency ``ms`` on the
            device.
        other: Models of the other front with a known latency; the same columns.
        measured: True if all latencies are measured, False if all are predicted.
        unknown: Names of models of the other front whose latency on the device is unknown.
        losses: A row for each model of the own front. ``score loss``: its score minus the best score of the other
            models that are no slower. ``latency loss``: relative latency of the fastest of the other models that score
            no lower, minus 1. Both are missing where there is no such model, and where scores cannot be compared or
            latencies are unknown.
        volume: Hypervolume of the other front, divided by that of the own front; None where losses are missing.
        figure: Name of the figure in the columns of scores: AP for trained models.
    """

    own: pd.DataFrame
    other: pd.DataFrame
    measured: bool
    unknown: list[str]
    losses: pd.DataFrame
    volume: float | None
    figure: str = "score"

    @property
    def changes(self) -> pd.DataFrame:
        """The losses as changes for people who take the other front: a negative score change is a loss."""
        found = self.losses.copy()
        if "score loss" in found:
            found["score loss"] = -found["score loss"]
        names = {"score": self.figure, "score loss": f"{self.figure} change", "latency loss": "latency change"}
        return found.rename(columns=names)

    @property
    def kind(self) -> str:
        """The kind of its latencies: measured or predicted."""
        return "measured" if self.measured else "predicted"


def foreign_front(device: DeviceLatencies, own_run: RunData, other_run: RunData, comparable: bool) -> ForeignFront:
    """Put the front of ``other_run`` on the device of ``own_run``.

    Args:
        device: Latencies on the device of ``own_run``.
        own_run: The run of the device.
        other_run: The run of the foreign front.
        comparable: True if the scores of the two runs can be compared.
    """
    import pandas as pd

    own, other = (_models(run) for run in (own_run, other_run))
    # All latencies must be of one kind. Measured beside predicted ones would compare the table with the device.
    measured = all(arch in device.measured for arch in (*own.arch, *other.arch))
    own, other = _with_latency(device, own, measured), _with_latency(device, other, measured)
    unknown = other[other.ms.isna()].name.tolist()
    other = other.dropna(subset="ms")
    # The loss of a front is unknown if a part of the front is.
    complete = comparable and not unknown and not other.empty
    losses = pd.DataFrame([_loss(row, other if complete else None) for row in own.to_dict("records")])
    volume = volume_ratio(own, other) if complete and not own.empty else None
    return ForeignFront(own, other, measured, unknown, losses, volume, own_run.accuracy_name)


def _models(run: RunData) -> pd.DataFrame:
    """Name, architecture, image size and accuracy of the models of a front; ``score`` is the AP of trained models."""
    return run.pareto.assign(score=run.accuracy(run.pareto))[["name", "arch", "imgsz", "score"]]


def volume_ratio(own: pd.DataFrame, other: pd.DataFrame) -> float:
    """Hypervolume of one front divided by that of another, over score and the logarithm of latency.

    Args:
        own: The front in the denominator, with columns ``score`` and ``ms``.
        other: The front in the numerator.
    """
    points = [list(zip(frame.score.astype(float), frame.ms.astype(float), strict=True)) for frame in (own, other)]
    scores, times = zip(*points[0], *points[1], strict=True)
    worst = min(scores) - MARGIN * ((max(scores) - min(scores)) or 1.0), max(times) * (1 + MARGIN)
    return hypervolume(points[1], worst) / hypervolume(points[0], worst)


def _with_latency(device: DeviceLatencies, front: pd.DataFrame, measured: bool) -> pd.DataFrame:
    import pandas as pd

    models = zip(front.arch, front.imgsz, strict=True)
    found = [device.measured[arch] if measured else device.predict(arch, int(imgsz)) for arch, imgsz in models]
    return front.assign(ms=pd.Series(found, index=front.index, dtype=float))


def _loss(model: Mapping[Any, Any], other: pd.DataFrame | None) -> dict[str, Any]:
    found = {"model": model["name"], "ms": model["ms"], "score": model["score"]}
    if other is None:
        return found
    best = other[other.ms <= model["ms"]].score.max()
    fastest = other[other.score >= model["score"]].ms.min()
    return found | {"score loss": model["score"] - best, "latency loss": fastest / model["ms"] - 1}
