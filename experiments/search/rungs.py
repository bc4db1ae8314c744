"""Do rungs pay on our own space? The package's own halving of candidates drawn from the proxy study's members.

    python experiments/search/rungs.py

Scores on all rungs and the truth are looked up in the proxy study's results on scenes (`short@60`, `short@120` and
`short@240` of scores-scenes.csv; truth-scenes.csv, 700 steps): nothing is trained. Candidates are drawn many times, in
several numbers. Writes results/rungs.json: the regret, that is the share of the true front's hypervolume that the final
front lacks, with one rung and with three; and the cost of each, in trainings of the first rung.
"""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from volume import Volume

from nas.progress import silent
from nas.proxies.outcome import Outcome
from nas.proxies.rungs import FACTOR, RUNGS
from nas.runs.study import open_study
from nas.runs.trials import TrialRecord, TrialState, rung_results
from nas.search.halving import Halving

RESULTS = Path(__file__).parent / "results"
STUDY = Path(__file__).parents[1] / "proxy_fidelity" / "results"
DRAWS, CANDIDATES = 200, (12, 20, 33)
FIRST = 60
"""Steps of the first rung."""
SEEDS = 2
"""Seeds that every member was trained with, on every rung."""


class Members:
    """Members of the proxy study: the target and the bench of a search. An architecture string is its own detector."""

    minimize = ("latency",)

    def __init__(self) -> None:
        members = pd.read_csv(STUDY / "members.csv").set_index("arch")
        truth = pd.read_csv(STUDY / "truth-scenes.csv").groupby("arch").score.mean()
        scores = pd.read_csv(STUDY / "scores-scenes.csv").set_index(["proxy", "arch", "seed"]).score
        steps = {rung: FIRST * FACTOR ** (rung - 1) for rung in range(1, RUNGS + 1)}
        self.by_rung = {rung: scores[f"short@{count}"].to_dict() for rung, count in steps.items()}
        self.archs = list(members.index)
        self.latency, self.truth = members.latency_ms.to_dict(), truth.to_dict()
        self._costs = members[["params", "macs"]].to_dict("index")

    def decode(self, arch: str) -> str:
        """See `nas.objectives.target.Target`."""
        return arch

    def detector(self, arch: str) -> str:
        """See `nas.objectives.target.Target`."""
        return arch

    def scale(self, arch: str) -> float:
        """Scores are looked up, so no images are scaled."""
        return 1.0

    def score(self, arch: str, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """See `nas.execution.score.Score`."""
        future: Future[Outcome] = Future()
        future.set_result(Outcome(self.by_rung[rung][arch, seed % SEEDS], 1.0, ()))
        return future

    def records(self, archs: list[str], seed: int) -> list[TrialRecord]:
        """Trials of a search that trained these candidates on the first rung."""
        scores = self.by_rung[1]
        return [
            TrialRecord(
                number=number,
                state=TrialState.TRAINED,
                arch=arch,
                score=scores[arch, seed],
                latency_ms=self.latency[arch],
                **self._costs[arch],
                weight_bytes=1,
            )
            for number, arch in enumerate(archs)
        ]


def handed_over(members: Any, archs: list[str], seed: int, rungs: int) -> tuple[float, int]:
    """Regret of the final front, and cost of its trainings. The first candidate is the stock model."""
    study = open_study("sqlite://", "study", "score")
    found = Halving(study, members.score, members, seed, rungs).run(members.records(archs, seed), silent)
    told = {standing.row.arch: standing.score for standing in found}
    volume = Volume(members, None)
    cost = len(archs) + sum(FACTOR ** (result.rung - 1) for result in rung_results(study))
    return 1 - volume.share(volume.front(list(told), told), members.truth), cost


def main() -> None:
    members, rng = Members(), np.random.default_rng(0)
    stock, others = members.archs[0], members.archs[1:]
    found = []
    for count in CANDIDATES:
        draws = [[stock, *rng.permutation(others)[: count - 1]] for _ in range(DRAWS if count <= len(others) else 1)]
        for rungs in (1, RUNGS):
            ends = [handed_over(members, archs, seed, rungs) for archs in draws for seed in range(SEEDS)]
            regrets = np.array([regret for regret, _ in ends])
            row = {
                "candidates": count,
                "rungs": rungs,
                "cost": round(float(np.mean([cost for _, cost in ends])), 1),
                "searches": len(ends),
                "regret_median": round(float(np.median(regrets)), 4),
                "regret_mean": round(float(regrets.mean()), 4),
                "regret_90th": round(float(np.quantile(regrets, 0.9)), 4),
            }
            found.append(row)
            print(row)
    (RESULTS / "rungs.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
