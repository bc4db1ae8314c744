"""How quickly searches find the front: samplers, starts, gates and rungs on spaces whose truth is known. See README.md.

    python experiments/search/run.py yolobench ../shared/data/yolobench [VARIANT ...]
    python experiments/search/run.py own - [VARIANT ...]

Appends to results/BENCH.csv a row a search: the hypervolume after every trained candidate, of what the search was
told and of the truth of the front that it would have handed over then, and how far the front handed over at the end
lies below the true one. What is there is not run again. Uses the engine itself: only the scores are looked up.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from own import Own
from yolobench import YoloBench

from nas.objectives.limits import Limits
from nas.objectives.pareto import hypervolume, pareto
from nas.proxies.outcome import Outcome
from nas.proxies.rungs import FACTOR
from nas.runs.study import open_study
from nas.runs.trials import read_trials
from nas.search.driver import Driver
from nas.search.halving import climb
from nas.search.samplers import SAMPLERS

RESULTS = Path(__file__).parent / "results"
BUDGET, SEEDS = 50, 20
FIELDS = ["variant", "seed", "told", "truth", "regret", "handed_over", "cost", "trials", "seconds"]


@dataclass(frozen=True)
class Variant:
    """A way to search. ``limit``: the share of members that a latency limit leaves, gated or only judged by it."""

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
"""What is tried on our own space, where nothing is known of longer trainings."""


class Bench:
    """A space whose scores are looked up; ``truth`` is what the highest rung would say, noise aside."""

    def __init__(self, name: str, folder: Path):
        self.of: Any = Own() if name == "own" else YoloBench(folder)
        self.told, self.truth, self.latency = self.of.told, self.of.truth, self.of.latency

    def score(self, detector: Any, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(Outcome(self.of.score(detector, seed, rung), 1.0, ()))
        return future


class NoStarts:
    """A space of which nothing but the stock model is known beforehand."""

    def __init__(self, space: Any):
        self._space = space

    def __getattr__(self, name: str) -> Any:
        return getattr(self._space, name)

    def uniform_replacements(self) -> list[Any]:
        return []


@cache
def opened(name: str, folder: Path) -> Bench:
    """Once in every process."""
    return Bench(name, folder)


def search(of: str, folder: Path, name: str, seed: int) -> dict[str, Any]:
    """One search, judged."""
    bench = opened(of, folder)
    variant, began = VARIANTS[name], time.perf_counter()
    most = float(np.quantile(list(bench.latency.values()), variant.limit)) if variant.limit < 1 else None
    sampler = SAMPLERS[variant.sampler]()
    sampler.space_filling = variant.design  # type: ignore[misc]
    space: Any = bench.of.space if variant.starts else NoStarts(bench.of.space)
    study = open_study("sqlite://", "study", "score")
    driver = Driver(
        study=study,
        space=space,
        target=bench.of.target,
        score=bench.score,
        sampler=sampler,
        seed=seed,
        budget=BUDGET,
        limits=Limits(latency=most if variant.gate else None),
    )
    driver.run(lambda record: None)
    rows = [row for row in read_trials(study) if row.state == "trained"]
    volume = Volume(bench, most)
    told, truth = [], []
    for count in range(1, len(rows) + 1):
        kept = [row.arch for row in rows[:count] if volume.counts(row.arch)]
        told.append(volume.share(kept, bench.told))
        front = volume.front(kept, bench.told)
        truth.append(volume.share(front, bench.truth))
    found = climb(study, rows, bench.score, bench.of.target, seed, lambda share: None, variant.rungs)
    final = [standing.row.arch for standing in found if volume.counts(standing.row.arch)]
    handed = volume.front(final, bench.truth if variant.rungs > 1 else bench.told)
    reached = [row.rung or 1 for row in read_trials(study) if row.state == "trained"]
    cost = sum(sum(FACTOR ** (rung - 1) * (2 if rung == 3 else 1) for rung in range(1, r + 1)) for r in reached)
    return {
        "variant": name,
        "seed": seed,
        "told": json.dumps([round(value, 5) for value in told]),
        "truth": json.dumps([round(value, 5) for value in truth]),
        "regret": round(1 - volume.share(handed, bench.truth), 5),
        "handed_over": len(handed),
        "cost": cost,
        "trials": len(study.trials),
        "seconds": round(time.perf_counter() - began, 2),
    }


class Volume:
    """Hypervolumes over log latency and score, as shares of that of all members that keep the limit."""

    def __init__(self, bench: Bench, most: float | None):
        self._latency, self._most = bench.latency, most
        self._members = [name for name in bench.latency if self.counts(name)]
        self._whole: dict[int, tuple[tuple[float, float], float]] = {}

    def counts(self, name: str) -> bool:
        return self._most is None or self._latency[name] <= self._most

    def front(self, names: list[str], scores: dict[str, float]) -> list[str]:
        return [names[index] for index in pareto([(scores[name], self._latency[name]) for name in names])]

    def share(self, names: list[str], scores: dict[str, float]) -> float:
        if id(scores) not in self._whole:
            worst = min(scores[name] for name in self._members), max(self._latency[name] for name in self._members)
            self._whole[id(scores)] = worst, self._volume(self._members, scores, worst)
        worst, whole = self._whole[id(scores)]
        return self._volume(names, scores, worst) / whole

    def _volume(self, names: list[str], scores: dict[str, float], worst: tuple[float, float]) -> float:
        front = self.front([name for name in names if self._latency[name] <= worst[1]], scores)
        return hypervolume([(scores[name], self._latency[name]) for name in front if scores[name] >= worst[0]], worst)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=["yolobench", "own"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("variants", nargs="*", help="all unless named")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{options.bench}.csv"
    done = list(csv.DictReader(path.open())) if path.exists() else []
    there = {(row["variant"], int(row["seed"])) for row in done}
    names = options.variants or (ONE_RUNG if options.bench == "own" else list(VARIANTS))
    todo = [(name, seed) for seed in range(options.seeds) for name in names if (name, seed) not in there]
    with path.open("a", newline="") as file, ProcessPoolExecutor(options.processes) as pool:
        writer = csv.DictWriter(file, FIELDS)
        if not done:
            writer.writeheader()
        for future in [pool.submit(search, options.bench, options.folder, name, seed) for name, seed in todo]:
            writer.writerow(future.result())
            file.flush()


if __name__ == "__main__":
    main()
