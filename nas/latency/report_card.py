"""Report card of a latency table: held-out detectors, predicted and measured twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from nas.latency.error_figures import Figures, figures
from nas.latency.fingerprint import Identity
from nas.latency.models import Kind, Model
from nas.latency.runtimes.measure import Measurement, Noise


@dataclass(frozen=True)
class CheckedModel:
    """A detector, predicted and measured twice. Times are in ms of one image.

    Attributes:
        name: Its name.
        kind: See `nas.latency.models.Model`.
        predicted_ms: Latency that the table predicts.
        first_ms: First measurement.
        second_ms: Second measurement.
        spread_ms: Mean spread of both.
    """

    name: str
    kind: Kind
    predicted_ms: float
    first_ms: float
    second_ms: float
    spread_ms: float

    @classmethod
    def make(cls, model: Model, predicted_ms: float, first: Measurement, second: Measurement) -> CheckedModel:
        """A model with its two measurements."""
        spread_ms = (first.spread_ms + second.spread_ms) / 2
        return cls(model.name, model.kind, predicted_ms, first.ms, second.ms, spread_ms)

    @property
    def measured_ms(self) -> float:
        """Mean of both measurements."""
        return (self.first_ms + self.second_ms) / 2

    @property
    def error(self) -> float:
        """Relative error of the prediction, above 0 if it is too slow."""
        return self.predicted_ms / self.measured_ms - 1

    @property
    def retest(self) -> float:
        """Relative difference of the first measurement from the second."""
        return self.first_ms / self.second_ms - 1

    def facts(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "measured_ms": self.measured_ms, "error": self.error, "retest": self.retest}


@dataclass(frozen=True)
class ReportCard:
    """Errors of a table's predictions at one image size.

    Attributes:
        identity: Fingerprint of the table.
        imgsz: The image size in pixels.
        space: Search space of the random members.
        seed: Seed of the random members.
        date: Day of the check.
        noise: Noise while the models were measured.
        built: Noise while the table was built.
        forced: See `nas.latency.table.LatencyTable`.
        models: The models.
    """

    identity: Identity
    imgsz: int
    space: str
    seed: int
    date: str
    noise: Noise
    built: Noise
    forced: str
    models: tuple[CheckedModel, ...]

    @property
    def random(self) -> list[CheckedModel]:
        """The held-out members. The figures are over these only."""
        return [model for model in self.models if model.kind == "random"]

    @cached_property
    def figures(self) -> Figures:
        """Figures as in `nas.latency.error_figures.figures`."""
        random = self.random
        return figures(
            [model.predicted_ms for model in random],
            [model.first_ms for model in random],
            [model.second_ms for model in random],
        )

    @property
    def recorded(self) -> dict[str, float]:
        """The figures that are defined, for the table's header."""
        return {name: value for name, value in self.figures.items() if value is not None}

    @property
    def too_noisy(self) -> bool:
        """True if the machine was too noisy for the card to be trusted."""
        return self.noise.too_much or self.built.too_much

    @property
    def verdict(self) -> str:
        """One line for a person."""
        found, n = self.figures, len(self.random)
        mean, worst, within = found["mean_error"], found["worst_error"], found["within_5pct"]
        assert mean is not None and worst is not None and within is not None
        text = f"{n} held-out models: {within:.0%} within 5 %, mean error {mean:.1%}, worst {worst:.1%}"
        if worst <= 0.10 and within >= 0.90 and mean <= 0.02:
            text = f"good: {text}"
        else:
            text = f"rough: {text}; leave that much room below a latency limit"
        if found["spearman"] is not None and found["retest_spearman"] is not None:
            text += f"; Spearman {found['spearman']:.3f}, measured twice {found['retest_spearman']:.3f}"
        if self.noise.too_much:
            return f"TOO NOISY while the models were measured ({self.noise}), check again on an idle machine; {text}"
        if self.built.too_much:
            return f"TOO NOISY while the table was built ({self.built}), build it anew on an idle machine; {text}"
        return text

    def facts(self) -> dict[str, Any]:
        """Plain values for JSON: the figures at top level, and everything that they are computed from."""
        return {
            **self.figures,
            "too_noisy": self.too_noisy,
            "verdict": self.verdict,
            "runtime": self.identity["runtime"],
            "threads": self.identity["threads"],
            "imgsz": self.imgsz,
            "space": self.space,
            "seed": self.seed,
            "date": self.date,
            "noise": self.noise._asdict(),
            "built": self.built._asdict(),
            "forced": self.forced,
            "identity": self.identity,
            "models": [model.facts() for model in self.models],
        }
