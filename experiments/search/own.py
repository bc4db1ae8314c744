"""The space yolov8n as a bench: its scores come from a model fitted to trainings of its members.

    python experiments/search/own.py          # error of that model: writes results/own-error.json

Latency is predicted by the shipped table of onnxruntime on one Xeon. A Gaussian process over choices and costs
(`nas.search.surrogate`) is fitted to the default proxy's scores on the built-in data: of the proxy study's members,
with two seeds each, and of the 50 candidates of the run in results/own_trials.csv. It stands for the truth. The search
sees the truth with noise, which differs for every member and seed and is as large as the difference of two seeds. The
sampler `guided` has such a model too, but learns from an architecture's summary, which has other and fewer numbers.
Scores of longer trainings are not known here: there is one rung only.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, norm

from nas.files import shipped
from nas.latency.opening import read_table
from nas.objectives.target import Target
from nas.search.samplers import COST_FEATURES, Priced
from nas.search.surrogate import Surrogate, tabulate
from nas.spaces.architecture import Architecture, decode
from nas.spaces.space import load_space

RESULTS = Path(__file__).parent / "results"
STUDY = Path(__file__).parents[1] / "proxy_fidelity" / "results" / "scores-shapes.csv"
PROXY, CLASSES, SIZE = "short@60", 80, 320  # the shipped table knows the head of 80 classes
DRAWN = 4000
"""Random members; together with the trained ones, they stand for the space."""


class Members(Target):
    """A target whose members are scored by their architecture, not by their rows."""

    def detector(self, architecture: Architecture) -> Any:
        return architecture

    def costs(self, architecture: Architecture) -> dict[str, float]:
        return _costs(Target(self.table, self.nc, self.sizes), architecture)


@lru_cache(maxsize=100_000)
def _costs(target: Target, member: Architecture) -> dict[str, float]:
    return target.costs(member)


class Own:
    """The bench ``own``, see `bench.Bench`."""

    def __init__(self) -> None:
        file = next(shipped("latency_tables").glob("*onnxruntime*.csv"))
        table = read_table(file)
        self.space, self.target = load_space("yolov8n"), Members(table, CLASSES, (SIZE,))
        study, run = pd.read_csv(STUDY), pd.read_csv(RESULTS / "own_trials.csv")
        trained = pd.concat([study[study.proxy == PROXY], run[run.state == "trained"]])
        by_arch = trained.groupby("arch", sort=False).score
        self._scores, self.noise = by_arch.mean(), math.sqrt(by_arch.var().dropna().mean())
        self._known = [self._priced(decode(arch)) for arch in self._scores.index]
        self._model = Surrogate(self._encoded([]), self._scores.to_numpy())
        self.latency = Lookup(lambda members: [self.target.costs(member)["latency"] for member in members])
        self.truth = self.told = Lookup(self._expected)
        rng = np.random.default_rng(1)
        members = [*map(decode, self._scores.index), *(self.space.random(rng) for _ in range(DRAWN))]
        for lookup in (self.latency, self.truth):
            lookup.add(members)

    def score(self, member: Architecture, seed: int, rung: int) -> float:
        """The score of one training: the truth with noise."""
        digest = hashlib.sha256(f"{member} {seed} {rung}".encode()).digest()
        uniform = (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
        return self.truth[str(member)] + self.noise * float(norm.ppf(uniform))

    def error(self) -> dict[str, Any]:
        """Error of the model for members that it was not fitted to."""
        x, y = self._encoded([]), self._scores.to_numpy()
        others = ~np.eye(len(y), dtype=bool)
        found = np.array([float(Surrogate(x[keep], y[keep]).mean(x[[n]])[0]) for n, keep in enumerate(others)])
        return {
            "members": len(y),
            "sd": round(float(y.std()), 4),
            "noise": round(self.noise, 4),
            "left_out_rmse": round(float(np.sqrt(np.mean((found - y) ** 2))), 4),
            "left_out_kendall": round(float(kendalltau(found, y).statistic), 3),
        }

    def _expected(self, members: list[Architecture]) -> list[float]:
        rows = self._encoded(list(map(self._priced, members)))[len(self._known) :]
        return [float(value) for value in self._model.mean(rows)]

    def _encoded(self, members: list[Priced]) -> np.ndarray:
        """Choices and costs of the known members and of these, in the columns of the known ones."""
        rows = [
            {**m.architecture.features, **{n: math.log2(m.costs[n]) for n in COST_FEATURES}}
            for m in (*self._known, *members)
        ]
        columns = set().union(*rows[: len(self._known)])
        return tabulate([{name: row[name] for name in row.keys() & columns} for row in rows])

    def _priced(self, member: Architecture) -> Priced:
        return Priced(member, self.target.costs(member))


class Lookup(dict[str, float]):
    """Values by architecture string. A missing value is computed, but not added: the items stand for the space."""

    def __init__(self, find: Callable[[list[Architecture]], list[float]]):
        super().__init__()
        self._find, self._found = find, dict[str, float]()

    def add(self, members: list[Architecture]) -> None:
        self.update(zip(map(str, members), self._find(members), strict=True))

    def __missing__(self, arch: str) -> float:
        if arch not in self._found:
            (self._found[arch],) = self._find([decode(arch)])
        return self._found[arch]


def main() -> None:
    found = Own().error()
    (RESULTS / "own-error.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
