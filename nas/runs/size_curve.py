"""Size curve: AP and latency of the teacher at several image sizes. Its user has these for free.

A model that a search found is a gain only if it beats this curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from nas.files import write

if TYPE_CHECKING:
    import pandas as pd

    from nas.runs.finalists import Finalist

FILE = "size-curve.csv"
LEAST_AP = 0.0005
"""Least difference of AP that three decimals show."""


@dataclass(frozen=True)
class SizePoint:
    """The teacher at one image size, evaluated there without training.

    Attributes:
        imgsz: Side of the images in pixels.
        ap: AP50-95 on the validation split, from 0 to 1.
        latency_ms: Latency of one image in ms; None if it is not known yet: the device is not here, and its table does
            not predict this image size. A measuring kit of the run measures it.
        latency_spread_ms: Spread of that latency in ms; None for a predicted one.
        measured: True if the latency was measured end-to-end, False if the table predicts it.
        jackknife: AP without one group of validation images each, see `nas.proxies.detections.Detections.jackknife`.
    """

    imgsz: int
    ap: float
    latency_ms: float | None
    latency_spread_ms: float | None
    measured: bool
    jackknife: tuple[float, ...] = ()

    @property
    def ms(self) -> float:
        """Its latency, which must be known."""
        if self.latency_ms is None:
            raise ValueError(f"the latency at {self.imgsz} px is not known")
        return self.latency_ms

    def __str__(self) -> str:
        return f"your model at {self.imgsz} px"

    @property
    def figures(self) -> str:
        """AP and latency in words."""
        return f"AP {self.ap:.3f} at {self.ms:.2f} ms"


class Verdict(StrEnum):
    """The place of a model beside the size curve."""

    GAIN = "gain"
    """Its AP is higher at its latency, by more than noise."""
    EVEN = "even"
    """The difference may be noise, or does not show in three decimals."""
    LOSS = "loss"
    """Its AP is lower at its latency."""
    FASTER = "faster"
    """It is faster than the curve, and its AP is lower than that of the fastest point."""


@dataclass(frozen=True)
class Gain:
    """A model against the size curve.

    Attributes:
        verdict: Its place.
        ap: Its AP.
        latency_ms: Its latency in ms.
        curve_ap: AP of the curve at that latency; where the curve has none, AP of its fastest point.
        curve_ms: Latency at which the curve has the model's AP; None if it has it nowhere.
        rival: The curve's point that a user would take in place of the model: the most accurate one that is no slower,
            otherwise the fastest one.
        error: Two standard errors of the difference, from the validation images; None if it is not known.
    """

    verdict: Verdict
    ap: float
    latency_ms: float
    curve_ap: float
    curve_ms: float | None
    rival: SizePoint
    error: float | None = None

    @property
    def difference(self) -> float:
        """AP of the model minus AP of the curve."""
        return self.ap - self.curve_ap

    @property
    def times(self) -> float | None:
        """Speed of the model relative to the curve at equal AP; None if the curve does not have that AP."""
        return None if self.curve_ms is None else self.curve_ms / self.latency_ms

    def __str__(self) -> str:
        at = f"AP {self.ap:.3f} at {self.latency_ms:.2f} ms"
        if self.verdict is Verdict.FASTER:
            return f"{at}, faster than {self.rival}, which has {self.rival.figures}"
        there = str(self.rival) if self.curve_ap == self.rival.ap else "the size curve of your model"
        against = f"{there} ({self.curve_ap:.3f})"
        if abs(self.difference) < LEAST_AP:
            return f"{at}, as high as {against}"
        error = "" if self.error is None else f" (±{self.error:.3f})"
        more = f"{abs(self.difference):.3f}{error} {'above' if self.difference > 0 else 'below'} {against}"
        if self.verdict is Verdict.EVEN:
            return f"{at}, {more}; this difference may be noise"
        if self.verdict is Verdict.GAIN and self.times is not None:
            return f"{at}, {more}, or {self.times:.2f} times as fast at equal AP"
        return f"{at}, {more}"


@dataclass(frozen=True)
class SizeCurve:
    """The teacher's size curve.

    Attributes:
        points: Its points, with known latency; the deployment image size comes first.
    """

    points: tuple[SizePoint, ...]

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError("a size curve has at least one point")

    @property
    def front(self) -> list[SizePoint]:
        """Points that no other point beats in AP and latency, fastest first."""
        found: list[SizePoint] = []
        for point in sorted(self.points, key=lambda point: (point.ms, -point.ap)):
            if not found or point.ap > found[-1].ap:
                found.append(point)
        return found

    @property
    def measured(self) -> bool:
        """True if all latencies were measured."""
        return all(point.measured for point in self.points)

    def ap_at(self, latency_ms: float) -> float | None:
        """AP of the curve at a latency: linear between its points, and the highest AP beyond the slowest one.

        Args:
            latency_ms: Latency in ms.

        Returns:
            The AP; None if every point is slower.
        """
        at = self._at(latency_ms)
        return None if at is None else _between(at[0].ap, at[1].ap, at[2])

    def _at(self, latency_ms: float) -> tuple[SizePoint, SizePoint, float] | None:
        """The points on both sides of a latency, and the share of the slower one; None if every point is slower."""
        front = self.front
        if latency_ms < front[0].ms:
            return None
        for fast, slow in pairwise(front):
            if latency_ms < slow.ms:
                return fast, slow, (latency_ms - fast.ms) / (slow.ms - fast.ms)
        return front[-1], front[-1], 0.0

    def latency_of(self, ap: float) -> float | None:
        """The lowest latency at which the curve has an AP, linear between its points.

        Args:
            ap: AP50-95, from 0 to 1.

        Returns:
            Latency in ms; None if no point is so accurate.
        """
        front = self.front
        if ap > front[-1].ap:
            return None
        if ap <= front[0].ap:
            return front[0].ms
        fast, slow = next((fast, slow) for fast, slow in pairwise(front) if ap <= slow.ap)
        return fast.ms + (ap - fast.ap) / (slow.ap - fast.ap) * (slow.ms - fast.ms)

    def best(self, latency_ms: float | None = None) -> SizePoint | None:
        """The most accurate point within a latency.

        Args:
            latency_ms: The highest latency in ms; None: any.
        """
        within = [point for point in self.front if latency_ms is None or point.ms <= latency_ms]
        return within[-1] if within else None

    def gain(self, model: Finalist, noise: float = 0.0) -> Gain | None:
        """Compare a model with the curve.

        Args:
            model: A finalist.
            noise: AP differences up to this value may be noise; 0: no spread is known.

        Returns:
            The comparison; None if the model has no AP, since its score is another figure.
        """
        if model.ap is None:
            return None
        fastest = self.front[0]
        at = self._at(model.latency)
        fast, slow, share = at or (fastest, fastest, 0.0)
        curve_ap = _between(fast.ap, slow.ap, share)
        error = _error(model.jackknife, fast, slow, share)
        difference = model.ap - curve_ap
        if abs(difference) <= max(noise, error or 0.0, LEAST_AP):
            verdict = Verdict.EVEN
        elif difference > 0:
            verdict = Verdict.GAIN
        else:
            verdict = Verdict.LOSS if at is not None else Verdict.FASTER
        rival = self.best(model.latency) or fastest
        return Gain(verdict, model.ap, model.latency, curve_ap, self.latency_of(model.ap), rival, error)


def _between(fast: float, slow: float, share: float) -> float:
    return fast + share * (slow - fast)


def _error(jackknife: Sequence[float], fast: SizePoint, slow: SizePoint, share: float) -> float | None:
    """Two standard errors of a model's AP minus that between two points, by the jackknife over groups of images."""
    count = len(jackknife)
    if count < 2 or len(fast.jackknife) != count or len(slow.jackknife) != count:
        return None
    groups = zip(jackknife, fast.jackknife, slow.jackknife, strict=True)
    differences = [ap - _between(lower, upper, share) for ap, lower, upper in groups]
    mean = sum(differences) / count
    variance = (count - 1) / count * sum((difference - mean) ** 2 for difference in differences)
    return 2 * math.sqrt(variance)


def curve_frame(points: Sequence[SizePoint]) -> pd.DataFrame:
    """size-curve.csv as a data frame."""
    import pandas as pd

    columns = [field.name for field in fields(SizePoint) if field.name != "jackknife"]
    return pd.DataFrame([asdict(point) for point in points], columns=columns)


def write_curve(run: Path, points: Sequence[SizePoint]) -> None:
    """Write size-curve.csv; without points there is no such file.

    Args:
        run: The run directory.
        points: The points, the deployment image size first.
    """
    if points:
        write(run / FILE, curve_frame(points).to_csv(index=False))
    else:
        (run / FILE).unlink(missing_ok=True)
