"""The default space as one that searches are tried on, with scores from models fitted to the proxy study's trainings.

    python experiments/search/own.py          # how wrong these models are: writes results/own-error.json

Latency is what the shipped table of onnxruntime on one Xeon predicts. Three Gaussian processes over choices and costs
(`nas.engine._surrogate`) stand for trainings: the truth, fitted to the long trainings on scenes; what a search is told
on the first rung, fitted to the default proxy's scores of the same members; and noise, drawn anew for every member and
seed, as large as two seeds differ. A higher rung is taken for the truth with its noise, which flatters rungs.
"""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, norm

from nas.engine import Target, pareto
from nas.engine._samplers import Priced, encode
from nas.engine._surrogate import Surrogate
from nas.files import shipped
from nas.runtimes import choose
from nas.spaces import Architecture, decode, load_space
from nas.tables import LatencyTable

STUDY = Path(__file__).parents[1] / "proxy_fidelity" / "results"
RESULTS = Path(__file__).parent / "results"
PROXY, CLASSES, SIZE = "short@60", 80, 320
DRAWN = 4000
"""Random members whose front, and that of the study's own, stands for the space's."""


class Fitted:
    """Scores of members, from a table of some: ``noise`` is what a second seed adds."""

    def __init__(self, table: pd.DataFrame, target: Target):
        means = table.groupby("arch", sort=False).score
        self._target, self.scores = target, means.mean()
        twice = means.var().dropna()
        self.noise = math.sqrt(twice.mean())
        self._known = [self._priced(decode(arch)) for arch in self.scores.index]
        self._model = Surrogate(self._encoded([]), self.scores.to_numpy())

    def of(self, members: list[Architecture]) -> list[float]:
        """What is expected of these."""
        rows = self._encoded(members)[len(self._known) :]
        return [float(value) for value in self._model.mean(rows)]

    def left_out(self) -> list[float]:
        """What the others let expect of each that is known."""
        x, y = self._encoded([]), self.scores.to_numpy()
        others = ~np.eye(len(y), dtype=bool)
        return [float(Surrogate(x[keep], y[keep]).mean(x[[n]])[0]) for n, keep in enumerate(others)]

    def _encoded(self, members: list[Architecture]) -> np.ndarray:
        """Columns are those that the known members have, in every call."""
        table = encode([*self._known, *map(self._priced, members)])
        names = _names([*self._known, *map(self._priced, members)])
        wanted = _names(self._known)
        return table[:, [names.index(name) for name in wanted]]

    def _priced(self, member: Architecture) -> Priced:
        return Priced(member, self._target.costs(member))


class Members(Target):
    """A target whose members are scored as they are, not as their rows."""

    def detector(self, architecture: Architecture) -> Any:
        return architecture

    def costs(self, architecture: Architecture) -> dict[str, float]:
        return _costs(Target(self.table, self.nc, self.sizes), architecture)


@lru_cache(maxsize=100_000)
def _costs(target: Target, member: Architecture) -> dict[str, float]:
    return target.costs(member)


class Own:
    """As `run.Bench`: ``told``, ``truth`` and ``latency`` by architecture."""

    def __init__(self) -> None:
        file = next(shipped("latency_tables").glob("*onnxruntime*.csv"))
        table = LatencyTable.open(choose("onnxruntime"), file, force=True)  # what it says of this machine matters not
        self.space = load_space("yolov8n")
        self.target = Members(table, CLASSES, (SIZE,))
        scores = pd.read_csv(STUDY / "scores-scenes.csv")
        self._told = Fitted(scores[scores.proxy == PROXY], self.target)
        self._truth = Fitted(pd.read_csv(STUDY / "truth-scenes.csv"), self.target)
        self.latency = Lookup(lambda members: [self.target.costs(member)["latency"] for member in members])
        self.truth, self.told = Lookup(self._truth.of), Lookup(self._told.of)
        rng = np.random.default_rng(1)
        drawn = [self.space.random(rng) for _ in range(DRAWN)]
        for lookup in (self.latency, self.truth, self.told):
            lookup.add([*map(decode, self._truth.scores.index), *drawn])

    def score(self, member: Any, seed: int, rung: int) -> float:
        """A training's, with noise of its own."""
        fitted, of = (self._told, self.told) if rung == 1 else (self._truth, self.truth)
        arch = str(member)
        digest = hashlib.sha256(f"{arch} {seed} {rung}".encode()).digest()
        uniform = (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
        return of[arch] + fitted.noise * float(norm.ppf(uniform))

    def error(self) -> dict[str, Any]:
        """How far the models are off for a member that they were not fitted on."""
        found = {}
        for name, fitted in (("truth", self._truth), ("told", self._told)):
            scores, left_out = fitted.scores.to_numpy(), np.array(fitted.left_out())
            found[name] = {
                "members": len(scores),
                "sd": round(float(scores.std()), 4),
                "noise": round(fitted.noise, 4),
                "left_out_rmse": round(float(np.sqrt(np.mean((left_out - scores) ** 2))), 4),
                "left_out_kendall": round(float(kendalltau(left_out, scores).statistic), 3),
            }
        return found


class Lookup(dict[str, float]):
    """By architecture; what is not there is found, and not kept: what is there stands for the whole space."""

    def __init__(self, find: Any):
        super().__init__()
        self._find, self._found = find, dict[str, float]()

    def add(self, members: list[Architecture]) -> None:
        self.update(zip(map(str, members), self._find(members), strict=True))

    def __missing__(self, arch: str) -> float:
        if arch not in self._found:
            (self._found[arch],) = self._find([decode(arch)])
        return self._found[arch]


def _names(members: list[Priced]) -> list[str]:
    """The columns of `encode`."""
    of = [m.architecture.features | dict.fromkeys(("latency", "params", "macs"), 0.0) for m in members]
    return sorted({name for row in of for name in row})


def main() -> None:
    own = Own()
    found = own.error()
    arches = list(own.truth)
    front = pareto([(own.truth[arch], own.latency[arch]) for arch in arches])
    found["front of the sample"] = len(front)
    (RESULTS / "own-error.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
