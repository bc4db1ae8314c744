"""Searches on spaces whose scores are looked up: benches, variants of the search, and one search of a bench."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from own import Own
from yolobench import YoloBench

from nas.objectives.limits import Limits
from nas.progress import silent
from nas.proxies.outcome import Outcome
from nas.runs.study import open_study
from nas.runs.trials import TrialRecord, read_trials
from nas.search.driver import Driver
from nas.search.halving import Halving, Standing
from nas.search.samplers import SAMPLERS

BUDGET = 50


@dataclass(frozen=True)
class Variant:
    """A way to search.

    Attributes:
        sampler: Name of the sampler.
        starts: True if the search begins with the space's baselines.
        design: True if the first candidates are spread over the space.
        rungs: Number of rungs.
        limit: Share of the members that meet the latency limit; 1 means no limit.
        gate: True if candidates over the limit are skipped. Otherwise the limit only judges the front.
    """

    sampler: str
    starts: bool = True
    design: bool = True
    rungs: int = 3
    limit: float = 1.0
    gate: bool = True


PLAIN = Variant("random", starts=False, design=False, rungs=1)
VARIANTS = {
    "random, plain": PLAIN,
    **{name: Variant(name, design=name != "random") for name in SAMPLERS},
    **{f"{name}, no starts": Variant(name, starts=False) for name in ("tpe", "guided")},
    **{f"{name}, no design": Variant(name, design=False) for name in ("tpe", "guided")},
    **{f"{name}, one rung": Variant(name, rungs=1) for name in ("tpe", "guided")},
    "random, one rung": Variant("random", design=False, rungs=1),
    **{f"{name}, one rung": Variant(name, rungs=1) for name in ("nsga2", "gp")},
    "tpe, no design, one rung": Variant("tpe", design=False, rungs=1),
    "guided, no design, one rung": Variant("guided", design=False, rungs=1),
    "random, plain, limit": replace(PLAIN, limit=0.5, gate=False),
    **{f"{name}, limit, gate": Variant(name, limit=0.5) for name in ("random", "tpe", "guided")},
    **{f"{name}, limit, no gate": Variant(name, limit=0.5, gate=False) for name in ("tpe", "guided")},
}
ONE_RUNG = [name for name, variant in VARIANTS.items() if variant.rungs == 1 and variant.limit == 1]
"""Variants for our own space, where no scores of longer trainings are known."""


class Bench:
    """A space whose scores are looked up.

    Args:
        name: ``yolobench`` or ``own``.
        folder: Data of the bench.

    Attributes:
        space: Its space and target.
        told: Scores that the search sees, without noise, by architecture string.
        truth: Scores of the highest rung, without noise.
        latency: Latency in ms.
    """

    def __init__(self, name: str, folder: Path):
        self._of: Any = Own() if name == "own" else YoloBench(folder)
        self.space, self.target = self._of.space, self._of.target
        self.told, self.truth, self.latency = self._of.told, self._of.truth, self._of.latency

    def score(self, detector: Any, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """See `nas.execution.score.Score`."""
        future: Future[Outcome] = Future()
        future.set_result(Outcome(self._of.score(detector, seed, rung), 1.0, ()))
        return future

    def limit(self, variant: Variant) -> float | None:
        """The latency limit of a variant in ms; None for no limit."""
        return float(np.quantile(list(self.latency.values()), variant.limit)) if variant.limit < 1 else None


class NoStarts:
    """A space whose only baseline is the stock model."""

    def __init__(self, space: Any):
        self._space = space

    def __getattr__(self, name: str) -> Any:
        return getattr(self._space, name)

    def uniform_replacements(self) -> list[Any]:
        """None."""
        return []


@cache
def opened(name: str, folder: Path) -> Bench:
    """The bench, opened once in every process."""
    return Bench(name, folder)


class Found(NamedTuple):
    """Result of a search.

    Attributes:
        study: The Optuna study.
        trials: All trials, as they were before halving.
        finalists: The finalists.
    """

    study: optuna.Study
    trials: list[TrialRecord]
    finalists: list[Standing]


def search(bench: Bench, variant: Variant, seed: int, rungs: int | None = None) -> Found:
    """Search a bench.

    Args:
        bench: The bench.
        variant: The way to search.
        seed: Seed of all random choices.
        rungs: Number of rungs; the variant's own by default.
    """
    sampler = SAMPLERS[variant.sampler]()
    sampler.space_filling = variant.design  # type: ignore[misc]
    study = open_study("sqlite://", "study", "score")
    driver = Driver(
        study=study,
        space=bench.space if variant.starts else NoStarts(bench.space),  # type: ignore[arg-type]
        target=bench.target,
        score=bench.score,
        sampler=sampler,
        seed=seed,
        budget=BUDGET,
        limits=Limits(latency=bench.limit(variant) if variant.gate else None),
    )
    driver.run(lambda record: None)
    trials = read_trials(study)
    halving = Halving(study, bench.score, bench.target, seed, rungs or variant.rungs)
    return Found(study, trials, halving.run([row for row in trials if row.trained], silent))
