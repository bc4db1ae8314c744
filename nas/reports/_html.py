"""report.html: one self-contained file."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from nas.files import write
from nas.proxies import FACTOR, RUNGS
from nas.reports._data import RunData
from nas.tables import forced_warning

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1b2430; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: .9rem; } .scroll { overflow-x: auto; }
th, td { text-align: right; padding: .25rem .7rem; border-bottom: 1px solid #d8dde4; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
pre { background: #f4f6f8; padding: 1rem; overflow-x: auto; font-size: .85rem; }
.warning { background: #fff4e5; border-left: 4px solid #b45309; padding: .6rem 1rem; }
"""


def write_html(data: RunData, path: Path) -> None:
    """Write the report; it needs no network to be read."""
    options = data.facts["options"]
    title = f"ParetoYOLO: {options['space']} on {data.facts['latency']['cpu']}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{len(data.pareto)} Pareto models of {len(data.trained)} trained. Latency: {escape(options['runtime'])}, "
        f"{options['threads']} thread(s), one image of {data.sizes}. Score: {escape(data.final_unit)} on "
        f"{escape(str(options['data']))}, proxy {escape(options['proxy'])}, seed {options['seed']}. "
        "Scores rank candidates; they are not what a full training reaches. "
        f"The front trades them for {escape(', '.join(options['minimise']))}.</p>",
        _warning(forced_warning(data.forced) if data.forced else ""),
        _warning(f"The front is {data.unmeasured}" if data.unmeasured else ""),
        _signal(data),
        front_figure(data).to_html(full_html=False, include_plotlyjs="inline", div_id="front"),
        f"<h2>{'The front' if data.tells_apart else 'No front'}, "
        f"{escape(data.unmeasured or 'measured whole on the device')}</h2>",
        _table(_measured(data)),
        "<h2>Fell out</h2>",
        _fell_out(data),
        "<h2>Made by hand</h2>",
        _by_hand(data),
        "<h2>The search</h2>",
        f"<p>All were trained briefly; the best at their latency went on, rung by rung, each trained {FACTOR} times as "
        f"long as on the rung below; those on the last rung are the finalists above.</p>",
        search_figure(data).to_html(full_html=False, include_plotlyjs=False, div_id="search"),
        "<h2>Seconds</h2>",
        _table(pd.DataFrame([{"phase": k, "seconds": v} for k, v in data.facts["seconds"].items()])),
        "<h2>Not trained</h2>",
        _not_trained(data),
        "<h2>Models</h2>",
        *(_model(data, name) for name in data.yamls),
    ]
    write(
        path,
        f"<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<style>{STYLE}</style></head><body><main>{''.join(body)}</main></body></html>\n",
    )


def front_figure(data: RunData) -> go.Figure:
    """Score against latency of the finalists, interactive."""
    finalists, front, stock = data.finalists, data.pareto, data.stock
    errors = {
        "error_x": {"array": front.latency_spread_ms.fillna(0).tolist()},
        "error_y": {"array": front.score_sd.fillna(0).tolist()},
        "mode": "lines+markers" if data.is_a_line else "markers",
    }
    star = {"marker_symbol": "star"}
    of_stock = pd.DataFrame([stock])
    figure = go.Figure(
        [
            _points(f"finalists ({data.kind})", data.finalists_ms, finalists, "#8b95a3", 6),
            _points(data.front_label, data.front_ms, front, "#1f5fbf", 9, **errors),
            _points(f"stock ({data.kind})", pd.Series([data.stock_ms]), of_stock, "#c2410c", 13, **star),
        ]
    )
    figure.update_layout(
        template="plotly_white", height=520, xaxis_title=data.latency_label, yaxis_title=data.final_unit
    )
    return figure


def search_figure(data: RunData) -> go.Figure:
    """Score on the first rung against predicted latency of all that were trained, by the rung they reached."""
    figure = go.Figure()
    for rung, color in zip(range(1, RUNGS + 1), ("#c3cad3", "#6b7a90", "#1f5fbf"), strict=True):
        reached = data.trained[data.trained.rung == rung]
        figure.add_trace(_points(f"reached rung {rung}", reached.latency_ms, reached, color, 6 + rung))
    label = data.latency_label.replace("latency", "predicted latency", 1)
    figure.update_layout(template="plotly_white", height=420, xaxis_title=label, yaxis_title=f"{data.unit}, rung 1")
    return figure


def _points(name: str, ms: pd.Series[float], of: pd.DataFrame, color: str, size: int, **more: Any) -> go.Scatter:
    """Models in a figure: score against latency, the architecture under the pointer."""
    look = {"mode": "markers", "marker_color": color, "marker_size": size} | more
    return go.Scatter(name=name, x=ms.tolist(), y=of.score.tolist(), text=of.arch.tolist(), **look)


def _signal(data: RunData) -> str:
    kind = "" if data.tells_apart else " class='warning'"
    return f"<p{kind}>{escape(data.signal)}.</p>"


def _warning(text: str) -> str:
    return f"<p class='warning'>{escape(text)}</p>" if text else ""


def _measured(data: RunData) -> pd.DataFrame:
    front = data.pareto
    stock = pd.DataFrame([data.stock]).astype(
        {"latency_ms": float, "latency_spread_ms": float, "score_sd": float, "test_score": float}
    )
    rows = front if (front.arch == data.stock["arch"]).any() else pd.concat([front, stock])
    return pd.DataFrame(
        {
            "model": rows.name.where(rows.arch != data.stock["arch"], rows.name + " (stock)"),
            "px": rows.imgsz,
            "score": rows.score.map("{:.4f}".format),
            "sd between seeds": rows.score_sd.map(_number("{:.4f}")),
            "test score": rows.test_score.map(_number("{:.4f}")),
            "measured ms": rows.latency_ms.map(_number("{:.2f}")),
            "spread ms": rows.latency_spread_ms.map(_number("{:.2f}")),
            "predicted ms": rows.latency_predicted_ms.map("{:.2f}".format),
            "measured / predicted": (rows.latency_ms / rows.latency_predicted_ms).map(_number("{:.3f}")),
            "params": rows.params.map("{:,}".format),
            "MACs": rows.macs.map("{:,}".format),
            "weights, bytes": rows.weight_bytes.map("{:,}".format),
            "budgets kept": rows.budgets_kept,
        }
    )


def _number(form: str) -> Callable[[float], str]:
    """Formats what was measured, and shows what was not as such."""
    return lambda value: "-" if pd.isna(value) else form.format(value)


def _fell_out(data: RunData) -> str:
    others = data.finalists[data.finalists.fell != ""]
    if others.empty:
        return "<p>Every finalist is on the front.</p>"
    shown = {"score": others.score.map("{:.4f}".format), "why": others.fell, "arch": others.arch}
    return _table(pd.DataFrame(shown))


def _by_hand(data: RunData) -> str:
    """What the baselines cost and gain beside the stock model, all as trained on the first rung."""
    asked, left_out = (data.facts["baselines"][key] for key in ("asked", "left_out"))
    trained = data.trained.set_index("arch")
    stock = trained.loc[data.stock["arch"]]
    rows = trained.loc[[arch for arch in asked if arch in trained.index and arch != data.stock["arch"]]]
    left = f"<p>Left out, since they may take a fifth of the budget: {escape(', '.join(left_out))}.</p>"
    if rows.empty:
        return "<p>None was trained.</p>" + (left if left_out else "")
    shown = {
        "score": (rows.score - stock.score).map("{:+.4f}".format),
        "predicted latency": (rows.latency_ms / stock.latency_ms - 1).map("{:+.1%}".format),
        "params": (rows.params / stock.params - 1).map("{:+.1%}".format),
        "MACs": (rows.macs / stock.macs - 1).map("{:+.1%}".format),
        "arch": rows.index,
    }
    text = "<p>The stock model with all its operators replaced by one, or on other images, and what you named.</p>"
    return text + _table(pd.DataFrame(shown)) + (left if left_out else "")


def _not_trained(data: RunData) -> str:
    others = data.trials[data.trials.state != "trained"]
    if others.empty:
        return "<p>Every suggestion was new and was trained.</p>"
    return _table(others[["number", "state", "reason", "arch"]].fillna(""))


def _model(data: RunData, name: str) -> str:
    model, imgsz = data.folder / "pareto" / f"{name}.yaml", data.pareto.set_index("name").imgsz[name]
    command = f"python -m nas.train model={model} data=data.yaml imgsz={imgsz} epochs=300"
    return f"<h3>{escape(name)}</h3><pre>{escape(command)}</pre><pre>{escape(data.yamls[name])}</pre>"


def _table(frame: pd.DataFrame) -> str:
    return f"<div class='scroll' tabindex='0'>{frame.to_html(index=False, border=0)}</div>"
