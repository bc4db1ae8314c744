"""The figures of a report, drawn by plotly from what the run holds. The page gives them its own colours for text and
lines, so that they can be read in the dark too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from nas.objectives.costs import COSTS, readable
from nas.proxies.rungs import RUNGS
from nas.reports.run_data import RunData
from nas.reports.tables import by_hand, latency_by_part

BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, GREY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
    "#7d8896",
)
"""Colours that people with any colour vision can tell apart (Okabe and Ito, 2008)."""

PARTS = {
    "stem": "#a6b0bd",
    "p2": SKY,
    "p3": BLUE,
    "p4": ORANGE,
    "p5": VERMILION,
    "tail": PURPLE,
    "neck": GREEN,
    "t4": "#00604a",
    "t3": "#3fbf99",
    "b4": "#8a8f00",
    "b5": "#f0e442",
    "head": "#5b6675",
    "call": "#d4dae2",
}
"""The colours of the parts of a detector."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon")
"""By image size, where there are several."""


def front_figure(data: RunData) -> go.Figure:
    """Score against latency: the finalists, the front with its spread both ways and its predicted latencies, the stock
    model, and the hand-made ones, which have a score to compare only where nobody was trained longer."""
    finalists, front, stock = data.finalists, data.pareto, pd.DataFrame([data.stock])
    errors = {
        "error_x": {"array": front.latency_spread_ms.fillna(0).tolist(), "thickness": 1},
        "error_y": {"array": front.score_sd.fillna(0).tolist(), "thickness": 1},
        "mode": "lines+markers" if data.is_a_line else "markers",
        "line": {"width": 2, "shape": "hv"},
    }
    front_marks = {"marker_symbol": _symbols(data, front), "customdata": _links(front)}
    star = {"marker_symbol": "star", "marker_line": {"width": 1}}
    traces = [
        points(
            f"finalists ({data.kind})", data.finalists_ms, finalists, GREY, 6, marker_symbol=_symbols(data, finalists)
        ),
        points(data.front_label, data.front_ms, front, BLUE, 10, **errors, **front_marks),
        points(f"stock ({data.kind})", pd.Series([data.stock_ms]), stock, VERMILION, 15, **star),
    ]
    if not data.unmeasured:
        hollow = {"marker_symbol": "circle-open", "marker_line": {"width": 1.5}}
        traces.append(points("the front as predicted", front.latency_predicted_ms, front, SKY, 9, **hollow))
    hand = by_hand(data)
    if data.options.get("rungs", 1) == 1 and len(hand):
        named = hand.rename(columns={"architecture": "arch", "model": "name"})
        square = {"marker_symbol": "square-open", "marker_line": {"width": 2}}
        traces.append(points("hand-made (predicted)", named["predicted, ms"], named, GREEN, 9, **square))
    return drawn(traces, 520, data.latency_label, data.final_unit)


def cost_figure(data: RunData, cost: str) -> go.Figure:
    """Score against another cost than latency, of the finalists."""
    kind, stock = COSTS[cost], pd.DataFrame([data.stock])

    def of(frame: pd.DataFrame) -> pd.Series[float]:
        return frame[kind.column] * kind.factor

    finalists, front = data.finalists, data.pareto
    traces = [
        points("finalists", of(finalists), finalists, GREY, 6, marker_symbol=_symbols(data, finalists)),
        points("front", of(front), front, BLUE, 10, marker_symbol=_symbols(data, front), customdata=_links(front)),
        points("stock", of(stock), stock, VERMILION, 15, marker_symbol="star"),
    ]
    return drawn(traces, 420, f"{kind.heading}, {kind.unit}", data.final_unit)


def search_figure(data: RunData) -> go.Figure:
    """Score on the first rung against predicted latency of all that were trained, by the rung they reached."""
    looks = ((GREY, "circle-open"), (SKY, "diamond"), (BLUE, "circle"))
    traces = []
    for rung, (color, symbol) in zip(range(1, RUNGS + 1), looks, strict=True):
        reached = data.trained[data.trained.rung == rung]
        if len(reached):
            name = f"reached rung {rung}" if data.trained.rung.max() > 1 else "trained"
            traces.append(points(name, reached.latency_ms, reached, color, 6 + rung, marker_symbol=symbol))
    hand = by_hand(data).rename(columns={"architecture": "arch", "model": "name"})
    if len(hand):
        square = {"marker_symbol": "square-open", "marker_line": {"width": 2}}
        traces.append(points("hand-made", hand["predicted, ms"], hand, GREEN, 13, **square))
    stock = data.trained[data.trained.arch == data.stock["arch"]]
    traces.append(points("stock", stock.latency_ms, stock, VERMILION, 15, marker_symbol="star"))
    label = data.latency_label.replace("latency", "predicted latency", 1)
    return drawn(traces, 440, label, f"{data.unit}, rung 1")


def parts_figure(data: RunData) -> go.Figure:
    """Predicted latency of the front's models and the stock model, as a bar stacked from the parts of the detector."""
    frame = latency_by_part(data).iloc[::-1]  # a bar chart starts below
    traces = [
        go.Bar(
            name=str(part),
            y=frame.index.tolist(),
            x=frame[part].tolist(),
            orientation="h",
            marker={"color": PARTS[str(part)], "line": {"width": 0}},
            hovertemplate=f"%{{y}}<br>{part}: %{{x:.3f}} ms<extra></extra>",
        )
        for part in frame
    ]
    figure = drawn(traces, 150 + 34 * len(frame), "predicted latency, ms", None)
    figure.update_layout(barmode="stack", legend_traceorder="normal", bargap=0.35)
    figure.update_yaxes(type="category")
    return figure


def drawn(traces: Iterable[Any], height: int, x: str, y: str | None) -> go.Figure:
    """These traces with the titles of both axes; the page sets the colours of what is not data."""
    figure = go.Figure(list(traces))
    figure.update_layout(
        template=None,
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": {"text": x, "standoff": 8}, "automargin": True, "zeroline": False, "ticklen": 4},
        yaxis={"title": {"text": y, "standoff": 8}, "automargin": True, "zeroline": False, "ticklen": 4},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"align": "left"},
        dragmode="zoom",
    )
    return figure


def points(name: str, ms: pd.Series[float], of: pd.DataFrame, color: str, size: int, **more: Any) -> go.Scatter:
    """Models in a figure, by their score; what they are under the pointer."""
    look = {"mode": "markers", "marker_color": color, "marker_size": size} | more
    hover = "%{text}<br>%{x:.3f}, score %{y:.4f}<extra>" + name + "</extra>"
    return go.Scatter(name=name, x=ms.tolist(), y=of.score.tolist(), text=_texts(of), hovertemplate=hover, **look)


def _texts(of: pd.DataFrame) -> list[str]:
    """What stands under the pointer: the name, the size and the costs where they are known, a line a stage."""
    texts = []
    for row in of.to_dict("records"):
        lines = [f"<b>{row['name']}</b>"] if row.get("name") else []
        lines += [f"{row['imgsz']} px"] if row.get("imgsz") else []
        known = [
            readable(name, row[kind.column]) for name, kind in COSTS.items() if name != "latency" and kind.column in row
        ]
        lines += [", ".join(known)] if known else []
        texts.append("<br>".join([*lines, *str(row["arch"]).split("/")]))
    return texts


def _symbols(data: RunData, of: pd.DataFrame) -> str | list[str]:
    """A circle, or by image size where there are several."""
    if not data.several_sizes:
        return SYMBOLS[0]
    sizes: Sequence[int] = sorted(data.options["imgsz"])
    return [SYMBOLS[sizes.index(size) % len(SYMBOLS)] for size in of.imgsz]


def _links(front: pd.DataFrame) -> list[str]:
    """Where a click on a model leads to."""
    return [f"model-{name}" for name in front.name]
