"""The tables of a report, as frames whose columns say their unit."""

from __future__ import annotations

import pandas as pd

from nas.objectives.costs import COSTS
from nas.reports.run_data import RunData
from nas.spaces.architecture import decode

ENDS = {
    "gated": "predicted to be over a limit, so not trained",
    "duplicate": "the same as an earlier candidate",
    "failed": "training failed",
    "interrupted": "cut off when the run was stopped, and asked for again",
    "running": "not ended",
}
"""What the states of trials that were not trained mean."""

SCALED = {f"{kind.heading}, {kind.unit}": kind for name, kind in COSTS.items() if name != "latency"}
"""Costs other than latency, by their column in a table for people."""


def front_table(data: RunData) -> pd.DataFrame:
    """The front, fastest first, and the stock model; ``speed`` is how many times as fast as that one a model is."""
    front = data.pareto.assign(ms=data.front_ms, stock=data.pareto.arch == data.stock["arch"])
    stock = data.finalists.assign(ms=data.finalists_ms, stock=True)[data.finalists.arch == data.stock["arch"]]
    rows = front if front.stock.any() else pd.concat([front, stock], ignore_index=True)
    shown = pd.DataFrame(
        {
            "model": rows.name.where(~rows.stock | (rows.name == "stock"), rows.name + " (stock)"),
            "px": rows.imgsz,
            "score": rows.score,
            "score sd": rows.score_sd,
            "test score": rows.test_score,
            "measured, ms": rows.latency_ms,
            "spread, ms": rows.latency_spread_ms,
            "predicted, ms": rows.latency_predicted_ms,
            "measured to predicted": rows.latency_ms / rows.latency_predicted_ms - 1,
            "speed": data.stock_ms / rows.ms,
            **_scaled(rows),
            "limits kept": rows.budgets_kept,
        }
    )
    limited = any(data.options.get(f"max_{name}") is not None for name in COSTS)
    unused = {"px": not data.several_sizes, "limits kept": not limited}
    return shown.drop(columns=[name for name, drop in unused.items() if drop]).dropna(axis="columns", how="all")


def _scaled(rows: pd.DataFrame) -> dict[str, pd.Series[float]]:
    return {heading: rows[kind.column] * kind.factor for heading, kind in SCALED.items()}


def fell_out(data: RunData) -> pd.DataFrame:
    """The finalists that are not on the front, and why."""
    others = data.finalists[data.finalists.rejected != ""]
    shown = {"score": others.score, "measured, ms": others.latency_ms, "predicted, ms": others.latency_predicted_ms}
    frame = pd.DataFrame({**shown, "why": others.rejected, "architecture": others.arch})
    return frame.dropna(axis="columns", how="all") if len(frame) else frame


def by_hand(data: RunData) -> pd.DataFrame:
    """The baselines that were trained, the stock model aside: what they cost and gain beside it, all as trained on the
    first rung and predicted."""
    trained, stock = data.trained.set_index("arch"), data.stock["arch"]
    archs = [arch for arch in data.facts["baselines"]["asked"] if arch in trained.index and arch != stock]
    rows, base = trained.loc[archs], trained.loc[stock]
    return pd.DataFrame(
        {
            "model": [hand_name(data, arch) for arch in archs],
            "score": rows.score.to_numpy(),
            "predicted, ms": rows.latency_ms.to_numpy(),
            "score to stock": (rows.score - base.score).to_numpy(),
            **{
                f"{name} to stock": (rows[COSTS[name].column] / base[COSTS[name].column] - 1).to_numpy()
                for name in COSTS
            },
            "architecture": archs,
        }
    )


def hand_name(data: RunData, arch: str) -> str:
    """A short name of a baseline."""
    if arch in data.options.get("start", ()):
        return "named with --start"
    member, stock = decode(arch), decode(data.stock["arch"])
    if member.spelled == stock.spelled:
        return f"stock at {member.imgsz} px"
    changed = [choice for name, choice in member.stages.items() if choice.family != stock.stages[name].family]
    operators = dict.fromkeys(choice.operator.replace("_", " ") for choice in changed)
    return f"all {', '.join(operators)}"


def ended_early(data: RunData) -> pd.DataFrame:
    """How many trials ended without a training of their own, and what that means."""
    counts = data.trials.state[data.trials.state != "trained"].value_counts()
    return pd.DataFrame(
        [{"state": state, "trials": int(count), "meaning": ENDS[str(state)]} for state, count in counts.items()]
    )


def not_trained(data: RunData) -> pd.DataFrame:
    """Those trials."""
    others = data.trials[data.trials.state != "trained"]
    shown = {"trial": others.number, "state": others.state, "why": others.reason.fillna("")}
    return pd.DataFrame({**shown, "architecture": others.arch})


def phases(data: RunData) -> pd.DataFrame:
    """What took how long. What drawing the report takes cannot stand in it."""
    seconds = {phase: taken for phase, taken in data.facts["seconds"].items() if phase != "report"}
    whole = sum(seconds.values()) or 1.0
    return pd.DataFrame([{"phase": k, "seconds": v, "share": v / whole} for k, v in seconds.items()])


def model_rows(data: RunData, arch: str) -> pd.DataFrame:
    """A finalist's rows: what each costs, and its share of the whole."""
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
            "of latency": rows.latency_ms / rows.latency_ms.sum(),
            "params": rows.params,
            "MACs, M": rows.macs / 1e6,
            "memory access, M": rows.memory_access / 1e6,
            "weights, KiB": rows.weight_bytes / 1024,
        }
    )


def latency_by_part(data: RunData) -> pd.DataFrame:
    """Predicted ms of each part of the front's models, fastest first, and of the stock model: a row a model, by name.
    ``call`` is what the runtime takes for a call that does nothing; all together are the predicted latency."""
    front = data.pareto[["name", "arch", "latency_predicted_ms"]]
    rows = (
        front
        if (front.arch == data.stock["arch"]).any()
        else pd.concat([front, pd.DataFrame([data.stock])[front.columns]])
    )
    order = list(dict.fromkeys(data.rows.part))
    parts = data.rows.pivot_table(index="arch", columns="part", values="latency_ms", aggfunc="sum", observed=True)
    found = parts.reindex(index=rows.arch, columns=order).fillna(0.0)
    found["call"] = rows.latency_predicted_ms.to_numpy() - found.sum(axis="columns").to_numpy()
    return found.set_index(pd.Index(rows.name.tolist(), name="model")).rename_axis(columns="part")


def proxy_card(data: RunData) -> pd.DataFrame:
    """How far the scores can be trusted."""
    signal = data.facts["signal"]
    rows = [
        ("spread between all candidates (sd)", signal["candidates"]),
        ("spread between candidates of equal latency (sd)", signal["equals"]),
        (f"spread between seeds (sd, {signal['repeats']} trained twice)", signal["seeds"]),
        ("differences between finalists that are chance, below", data.noise),
    ]
    return pd.DataFrame(rows, columns=["figure", "score"])


def errors(data: RunData) -> pd.DataFrame:
    """Measured to predicted latency of all finalists that were measured."""
    measured = data.finalists[data.finalists.latency_ms.notna()]
    return pd.DataFrame({"arch": measured.arch, "error": measured.latency_ms / measured.latency_predicted_ms - 1})


def left_out(data: RunData) -> list[str]:
    """The baselines that had no room in the budget."""
    return [hand_name(data, arch) for arch in data.facts["baselines"]["left_out"]]
