"""Choices of a search, stage by stage: how often each value occurs, and how much each choice matters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.operators.registry import FAMILIES
from nas.reports.run_data import RunData
from nas.spaces.architecture import Architecture, decode
from nas.spaces.head_choice import HEAD

if TYPE_CHECKING:
    import pandas as pd

MIN_CANDIDATES = 8
"""Importances need at least this many candidates that have the choice."""
_SHUFFLES = 1000
_FIRST = ("operator", "channels", "depth")
"""Choices that come before an operator's own parameters."""

Values = NDArray[np.float64]


def choices(archs: Iterable[str]) -> pd.DataFrame:
    """The choices of architectures.

    Args:
        archs: Architecture strings.

    Returns:
        A row for each architecture and a column for each (stage, choice). Choices are operator, channels, depth and the
        parameters of operators; a value is missing where the stage has another operator.
    """
    import pandas as pd

    return pd.DataFrame([_choices(decode(arch)) for arch in archs])


def _choices(architecture: Architecture) -> dict[tuple[str, str], object]:
    found: dict[tuple[str, str], object] = {("image", "px"): architecture.imgsz} if architecture.imgsz else {}
    for stage, choice in architecture.stages.items():
        shell = f"{choice.shell}-" if len(FAMILIES[choice.family].shells) > 1 else ""
        operator = f"{shell}{choice.family}"
        found |= {(stage, "operator"): operator, (stage, "channels"): choice.channels, (stage, "depth"): choice.depth}
        found |= {(stage, f"{operator} {name}"): value for name, value in choice.named().items()}
    if head := architecture.any_head:
        found |= {(HEAD, "operator"): head.kind, (HEAD, "depth"): head.depth}
        found |= {(HEAD, "box width"): head.box, (HEAD, "class width"): head.classes}
    return found


def choice_counts(data: RunData) -> pd.DataFrame:
    """Number of models that have each value of each choice. Choices with a single value are left out.

    Returns:
        A row for each value. ``trained`` of ``of_trained`` candidates and ``front`` of ``of_front`` models have it,
        where the totals count those that have the choice; ``stock`` is True for the stock model's value.
    """
    import pandas as pd

    trained, front = data.trained.arch.tolist(), data.pareto.arch.tolist()
    made = choices([*trained, *front, data.stock.arch])  # one frame gives all the same columns
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
    """The columns by stage; in a stage, the operators' parameters come last."""
    columns: list[Any] = made.columns.tolist()
    stages = list(dict.fromkeys(stage for stage, _ in columns))
    return sorted(columns, key=lambda c: (stages.index(c[0]), _FIRST.index(c[1]) if c[1] in _FIRST else len(_FIRST)))


def importances(data: RunData) -> pd.DataFrame:
    """Share of the variance that each single choice explains (eta squared), among the trained candidates.

    The share is the variance between groups of candidates with the same value, divided by the total variance. Choices
    are taken one at a time, although the search combines them.

    Returns:
        A row for each choice, made by ``n`` candidates. The columns ``score``, ``beyond`` (score at equal latency: the
        residual of a line over the logarithm of latency) and ``latency`` (its logarithm) hold shares. Each has a column
        ``*_chance``: the share that 95 % of random shuffles of the same values do not exceed. Choices that fewer than
        `MIN_CANDIDATES` candidates have are left out.
    """
    import pandas as pd

    trained = data.trained
    made = choices(trained.arch)
    latency, score = np.log(trained.latency_ms.to_numpy(float)), trained.score.to_numpy(float)
    line = np.polyfit(latency, score, 1) if len(set(latency)) > 1 else [0.0, 0.0]
    targets = {"score": score, "beyond": score - np.polyval(line, latency), "latency": latency}
    found = []
    for stage, choice in _ordered(made):
        column = made[stage, choice]
        has_choice = column.notna().to_numpy()
        codes, values = pd.factorize(column[has_choice])
        if len(values) < 2 or len(codes) < MIN_CANDIDATES:
            continue
        row: dict[str, object] = {"stage": stage, "choice": choice, "n": len(codes)}
        for name, target in targets.items():
            row[name], row[f"{name}_chance"] = explained(codes, target[has_choice])
        found.append(row)
    return pd.DataFrame(found)


def explained(codes: NDArray[np.int64], target: Values) -> tuple[float, float]:
    """Share of a target's variance that groups explain.

    Args:
        codes: Group of each value, from 0; shape (N,).
        target: The values; shape (N,).

    Returns:
        Eta squared, and the 95th percentile of eta squared over shuffled targets.
    """
    rng = np.random.default_rng(0)
    shuffled = np.stack([target, *(rng.permutation(target) for _ in range(_SHUFFLES))])
    centered = shuffled - target.mean()
    members = np.eye(codes.max() + 1)[codes]
    between = ((centered @ members) ** 2 / members.sum(0)).sum(1)
    total = float((centered[0] ** 2).sum())
    if total < 1e-18 * max(1.0, float((target**2).sum())):
        return 0.0, 0.0  # nothing to explain
    share = between / total
    return float(share[0]), float(np.quantile(share[1:], 0.95))
