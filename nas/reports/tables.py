"""Tables of a report as data frames. Column names hold the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.objectives.costs import COSTS
from nas.reports.run_data import RunData
from nas.runs.finalists import STOCK
from nas.runs.gains import found_models
from nas.runs.trials import TrialState
from nas.spaces.architecture import decode

if TYPE_CHECKING:
    import pandas as pd

_MEANINGS = {
    TrialState.GATED: "over a limit by its predicted costs, so it was not trained",
    TrialState.DUPLICATE: "the same model as an earlier trial",
    TrialState.FAILED: "its training failed",
    TrialState.INTERRUPTED: "the run stopped during its training; the same model was asked for again",
    TrialState.RUNNING: "not ended",
}
_SCALED = {f"{kind.heading}, {kind.unit}": kind for name, kind in COSTS.items() if name != "latency"}
"""Costs other than latency, by their column."""


def front_table(data: RunData) -> pd.DataFrame:
    """The front, fastest first, and the stock model. ``speedup`` compares latency with the stock model's."""
    import pandas as pd

    front = data.pareto.assign(ms=data.front_ms, stock=data.pareto.arch == data.stock.arch)
    off_front = data.finalists.assign(ms=data.finalists_ms, stock=True, name="stock, not on the front")
    stock = off_front[data.finalists.arch == data.stock.arch]
    rows = front if front.stock.any() else pd.concat([front, stock], ignore_index=True)
    table = pd.DataFrame(
        {
            "model": rows.name.where(~rows.stock | rows.name.str.contains(STOCK), rows.name + " (stock)"),
            "px": rows.imgsz,
            **_ap_columns(data, rows),
            "score": rows.score,
            "score sd": rows.score_sd,
            "test score": rows.test_score,
            "measured, ms": rows.latency_ms,
            "spread, ms": rows.latency_spread_ms,
            "predicted, ms": rows.latency_predicted_ms,
            "measured vs. predicted": rows.latency_ms / rows.latency_predicted_ms - 1,
            "speedup": data.stock_ms / rows.ms,
            **{heading: rows[kind.column] * kind.factor for heading, kind in _SCALED.items()},
            "limits met": rows.budgets_kept,
        }
    )
    unused = {"px": not data.several_sizes, "limits met": not data.config.limits.names}
    return table.drop(columns=[name for name, drop in unused.items() if drop]).dropna(axis="columns", how="all")


def _ap_columns(data: RunData, rows: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """AP of trained models, its difference to the size curve at their latency, and two standard errors of that."""
    if not data.has_ap:
        return {}
    columns = {"AP": rows.ap.astype(float)}
    if data.curve is not None:
        at = rows.ms.map(data.curve.ap_at).astype(float)
        columns["AP vs. your model"] = rows.ap - at
        errors = {entry.model.arch: entry.gain.error for entry in found_models(data.run)}
        columns["±"] = rows.arch.map(errors).astype(float)
    return columns


def size_curve(data: RunData) -> pd.DataFrame:
    """The teacher at several image sizes; empty without pretrained weights."""
    import pandas as pd

    points = data.result.curve
    times = [point.latency_ms for point in points]
    first = times[0] if times else None
    return pd.DataFrame(
        {
            "your model at": [f"{point.imgsz} px" for point in points],
            "AP": [point.ap for point in points],
            "measured, ms": [point.latency_ms if point.measured else None for point in points],
            "spread, ms": [point.latency_spread_ms for point in points],
            "predicted, ms": [None if point.measured else point.latency_ms for point in points],
            "speedup": [first / ms if first is not None and ms is not None else None for ms in times],
        }
    ).dropna(axis="columns", how="all")


def rejected_finalists(data: RunData) -> pd.DataFrame:
    """Finalists that are not on the front, with the reason."""
    import pandas as pd

    others = data.finalists[data.finalists.rejected != ""]
    latencies = {"measured, ms": others.latency_ms, "predicted, ms": others.latency_predicted_ms}
    ap = {"AP": others.ap.astype(float)} if data.has_ap else {}
    frame = pd.DataFrame(
        {**ap, "score": others.score, **latencies, "reason": others.rejected, "architecture": others.arch}
    )
    return frame.dropna(axis="columns", how="all") if len(frame) else frame


def hand_made(data: RunData) -> pd.DataFrame:
    """Trained baselines beside the stock model: scores of the first rung, predicted costs."""
    import pandas as pd

    trained, stock = data.trained.set_index("arch"), data.stock.arch
    archs = [arch for arch in data.result.baselines.asked if arch in trained.index and arch != stock]
    rows, base = trained.loc[archs], trained.loc[stock]
    return pd.DataFrame(
        {
            "model": [baseline_name(data, arch) for arch in archs],
            "score": rows.score.to_numpy(),
            "predicted, ms": rows.latency_ms.to_numpy(),
            "score vs. stock": (rows.score - base.score).to_numpy(),
            **{
                f"{kind.heading} vs. stock": (rows[kind.column] / base[kind.column] - 1).to_numpy()
                for kind in COSTS.values()
            },
            "architecture": archs,
        }
    )


def baseline_name(data: RunData, arch: str) -> str:
    """A short name of a baseline, such as ``all plain-faster r4 e2``."""
    if arch in data.config.start:
        return "named with --start"
    member, stock = decode(arch), decode(data.stock.arch)
    if member.spelled == stock.spelled:
        return f"stock at {member.imgsz} px"
    changed = [choice for name, choice in member.stages.items() if choice.family != stock.stages[name].family]
    operators = dict.fromkeys(choice.operator.replace("_", " ") for choice in changed)
    return f"all {', '.join(operators)}"


def skipped_baselines(data: RunData) -> list[str]:
    """Names of baselines that the budget left no room for."""
    return [baseline_name(data, arch) for arch in data.result.baselines.left_out]


def untrained_states(data: RunData) -> pd.DataFrame:
    """Number of trials in each state other than trained, and the meaning of the state."""
    import pandas as pd

    counts = data.trials.state[data.trials.state != TrialState.TRAINED.value].value_counts()
    return pd.DataFrame(
        [
            {"state": str(state), "trials": int(count), "meaning": _MEANINGS[TrialState(str(state))]}
            for state, count in counts.items()
        ]
    )


def untrained_trials(data: RunData) -> pd.DataFrame:
    """Trials that were not trained, with the reason."""
    import pandas as pd

    others = data.trials[data.trials.state != TrialState.TRAINED.value]
    columns = {"trial": others.number, "state": others.state, "reason": others.reason.fillna("")}
    return pd.DataFrame({**columns, "architecture": others.arch})


def phases(data: RunData) -> pd.DataFrame:
    """Duration of each phase of the run, without the report, which is not finished yet."""
    import pandas as pd

    seconds = {phase: spent for phase, spent in data.run.record.seconds.items() if phase != "report"}
    total = sum(seconds.values()) or 1.0
    return pd.DataFrame(
        [
            {"phase": phase.replace("_", " "), "seconds": spent, "share": spent / total}
            for phase, spent in seconds.items()
        ]
    )


def model_rows(data: RunData, arch: str) -> pd.DataFrame:
    """Rows of a finalist with their costs."""
    import pandas as pd

    rows = data.rows[data.rows.arch == arch]
    return pd.DataFrame(
        {
            "row": rows.row,
            "part": rows.part,
            "module": rows.module,
            "n": rows.repeats,
            "arguments": rows["args"].fillna("").astype(str),
            "output": rows.output,
            "predicted, ms": rows.latency_ms,
            "share of latency": rows.latency_ms / rows.latency_ms.sum(),
            "params": rows.params,
            "MACs, M": rows.macs / 1e6,
            "memory access, M": rows.memory_access / 1e6,
            "weights, KiB": rows.weight_bytes / 1024,
        }
    )


def latency_by_part(data: RunData) -> pd.DataFrame:
    """Predicted latency in ms of each part of the front's models, fastest first, and of the stock model.

    Returns:
        A row for each model, by name, and a column for each part. ``call`` is the overhead of a call. The parts of a
        model add up to its predicted latency.
    """
    import pandas as pd

    columns = ["name", "arch", "latency_predicted_ms"]
    front, finalists = data.pareto[columns], data.finalists
    stock = finalists[finalists.arch == data.stock.arch].head(1)
    rows = front if (front.arch == data.stock.arch).any() else pd.concat([front, stock[columns]])
    order = list(dict.fromkeys(data.rows.part))
    parts = data.rows.pivot_table(index="arch", columns="part", values="latency_ms", aggfunc="sum", observed=True)
    found = parts.reindex(index=rows.arch, columns=order).fillna(0.0)
    found["call"] = rows.latency_predicted_ms.to_numpy() - found.sum(axis="columns").to_numpy()
    return found.set_index(pd.Index(rows.name.tolist(), name="model")).rename_axis(columns="part")


def score_spreads(data: RunData) -> pd.DataFrame:
    """Standard deviations of the scores, and the difference between finalists below which it is noise."""
    import pandas as pd

    noise = data.result.score_noise
    rows = [
        ("between candidates", noise.candidates),
        ("between candidates at equal latency", noise.equals),
        (f"between seeds ({noise.repeats} repeated)", noise.seeds),
        ("noise limit for finalists", data.noise),
    ]
    return pd.DataFrame(rows, columns=["figure", "score"])


def prediction_errors(data: RunData) -> pd.DataFrame:
    """Relative error of the predicted latency of all measured finalists: measured / predicted - 1."""
    import pandas as pd

    measured = data.finalists[data.finalists.latency_ms.notna()]
    return pd.DataFrame({"arch": measured.arch, "error": measured.latency_ms / measured.latency_predicted_ms - 1})
