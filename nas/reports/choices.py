"""What operators, ratios, groups, widths and depths the search chose, stage by stage, and how much each matters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.operators.registry import FAMILIES
from nas.reports.run_data import RunData
from nas.spaces.architecture import Architecture, decode

FEWEST = 8
"""Candidates that have a choice to make, below which nothing is said of how much it matters."""
SHUFFLES = 1000

Values = NDArray[np.float64]


def choices(archs: Iterable[str]) -> pd.DataFrame:
    """A row an architecture, in order, and a column (stage, choice): the operator, channels, depth, and an operator's
    own parameters, missing where the stage has another operator."""
    return pd.DataFrame([_choices(decode(arch)) for arch in archs])


def _choices(architecture: Architecture) -> dict[tuple[str, str], object]:
    found: dict[tuple[str, str], object] = {("image", "px"): architecture.imgsz} if architecture.imgsz else {}
    for stage, choice in architecture.stages.items():
        shell = f"{choice.shell}-" if len(FAMILIES[choice.family].shells) > 1 else ""
        operator = f"{shell}{choice.family}"
        found |= {(stage, "operator"): operator, (stage, "channels"): choice.channels, (stage, "depth"): choice.depth}
        found |= {(stage, f"{operator} {name}"): value for name, value in choice.named().items()}
    return found


def shares(data: RunData) -> pd.DataFrame:
    """How many have each value of each choice: ``trained`` of ``of_trained`` candidates and ``front`` of ``of_front``
    models that have the choice to make; ``stock`` marks the stock model's own. Choices without an alternative are left
    out."""
    # One frame, so that all have the same columns.
    trained, front = data.trained.arch.tolist(), data.pareto.arch.tolist()
    made = choices([*trained, *front, data.stock["arch"]])
    found = []
    for stage, choice in _ordered(made):
        column = made[stage, choice]
        values = sorted(column.dropna().unique())
        groups = column[: len(trained)], column[len(trained) : -1]
        if len(values) > 1:
            found += [
                {
                    "stage": stage,
                    "choice": choice,
                    "value": int(value) if isinstance(value, float) and value.is_integer() else value,
                    "trained": int((groups[0] == value).sum()),
                    "of_trained": int(groups[0].notna().sum()),
                    "front": int((groups[1] == value).sum()),
                    "of_front": int(groups[1].notna().sum()),
                    "stock": bool(column.iloc[-1] == value),
                }
                for value in values
            ]
    return pd.DataFrame(found)


def _ordered(made: pd.DataFrame) -> list[tuple[str, str]]:
    """The columns by stage, and there operator, channels, depth before the operators' parameters."""
    columns: list[Any] = made.columns.tolist()
    first, stages = ["operator", "channels", "depth"], list(dict.fromkeys(stage for stage, _ in columns))
    return sorted(columns, key=lambda c: (stages.index(c[0]), first.index(c[1]) if c[1] in first else len(first)))


def importances(data: RunData) -> pd.DataFrame:
    """How much of the spread of ``score``, of ``beyond`` (score at equal latency: what is left of it beside a line over
    the logarithm of latency) and of ``latency`` (its logarithm) one choice explains.

    Columns are these three and ``score_chance``, ``beyond_chance``, ``latency_chance``: the share that 95 % of
    shuffles of the same values stay below. A share is that of the variance which lies between the groups of candidates
    with the same value (eta squared), among the ``n`` trained that have the choice to make. Choices are looked at one
    by one, as the search has combined them. Empty where fewer than `FEWEST` were trained.
    """
    trained = data.trained
    made = choices(trained.arch)
    latency, score = np.log(trained.latency_ms.to_numpy(float)), trained.score.to_numpy(float)
    line = np.polyfit(latency, score, 1) if len(set(latency)) > 1 else [0.0, 0.0]
    targets = {"score": score, "beyond": score - np.polyval(line, latency), "latency": latency}
    found = []
    for stage, choice in _ordered(made):
        column = made[stage, choice]
        held = column.notna().to_numpy()
        codes, values = pd.factorize(column[held])
        if len(values) < 2 or len(codes) < FEWEST:
            continue
        row: dict[str, object] = {"stage": stage, "choice": choice, "n": len(codes)}
        for name, target in targets.items():
            row[name], row[f"{name}_chance"] = explained(codes, target[held])
        found.append(row)
    return pd.DataFrame(found)


def explained(codes: NDArray[np.int64], target: Values) -> tuple[float, float]:
    """Eta squared of groups given by ``codes`` (N,), and the 95th percentile of that of shuffled targets (N,)."""
    rng = np.random.default_rng(0)
    shuffled = np.stack([target, *(rng.permutation(target) for _ in range(SHUFFLES))])
    centred = shuffled - target.mean()
    members = np.eye(codes.max() + 1)[codes]
    between = ((centred @ members) ** 2 / members.sum(0)).sum(1)
    whole = float((centred[0] ** 2).sum())
    if whole < 1e-18 * max(1.0, float((target**2).sum())):
        return 0.0, 0.0  # nothing to explain
    share = between / whole
    return float(share[0]), float(np.quantile(share[1:], 0.95))
