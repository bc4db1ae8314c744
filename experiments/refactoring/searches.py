"""The three searches, reduced to their trials and fronts."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nas

sys.path.insert(0, str(Path(__file__).parents[1] / "search"))

from bench import VARIANTS, Bench, search
from tables import Table

CONFIGS = {
    "tiny": nas.SearchConfig(space="tiny", runtime="fake", seed=0, budget=12, workers="1", cache=False),
    "default": nas.SearchConfig(runtime="fake", seed=0, budget=30, workers="1", rungs=2, cache=False),
}
REPLAYS = (
    *(("guided", seed) for seed in (0, 1)),
    *((name, 0) for name in ("tpe", "random", "nsga2", "gp", "guided, limit, gate")),
)
"""Variants of experiments/search with their seeds."""

TRIAL_FIELDS = ("number", "state", "arch", "score", "score_rung_2", "latency_ms")
FRONT_FIELDS = ("name", "arch", "score", "latency_predicted_ms")
REPLAY_TRIAL_FIELDS = ("search", "number", "state", "arch", "score", "latency_ms")
REPLAY_FRONT_FIELDS = ("search", "arch", "score")


def run_config(config: nas.SearchConfig) -> nas.Run:
    """Search in a temporary directory, with no tables and scores of earlier searches."""
    folder = Path(tempfile.mkdtemp(prefix="refactoring-"))
    os.environ["PARETO_YOLO_HOME"] = str(folder / "home")
    return nas.run_search(config.updated({"out": folder / "run"})).run


def reduced(run: nas.Run) -> tuple[Table, Table]:
    """Trials and front of a run."""
    trials = [(r.number, r.state, r.arch, r.score, r.higher.get(2), r.latency_ms) for r in run.trials]
    front = [(model.name, model.arch, model.score, model.latency_predicted_ms) for model in run.front]
    return Table.of(TRIAL_FIELDS, trials), Table.of(FRONT_FIELDS, front)


def replayed(folder: Path) -> tuple[Table, Table]:
    """Trials and finalists of all replays of YOLOBench, with one rung.

    Args:
        folder: YOLOBench's tables.
    """
    trials: list[Sequence[object]] = []
    finalists: list[Sequence[object]] = []
    for name, seed in REPLAYS:
        label = f"{name}/{seed}"
        found = search(Bench("yolobench", folder), VARIANTS[name], seed, rungs=1)
        trials += [(label, r.number, r.state, r.arch, r.score, r.latency_ms) for r in found.trials]
        finalists += [(label, standing.row.arch, standing.score) for standing in found.finalists]
    return Table.of(REPLAY_TRIAL_FIELDS, trials), Table.of(REPLAY_FRONT_FIELDS, finalists)
