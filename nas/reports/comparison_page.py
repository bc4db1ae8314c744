"""compare.html: two runs side by side."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from nas.reports.comparison import Borrowed, Comparison
from nas.reports.figures import BLUE, GREY, VERMILION, drawn, points
from nas.reports.templating import Figure, write_page


def write_comparison(of: Comparison, path: Path) -> None:
    """Write the comparison; it needs no network to be read."""
    sides = [("A", "B", of.on_a), ("B", "A", of.on_b)]
    write_page(
        path,
        "compare.html",
        of=of,
        runs={"A": of.a, "B": of.b},
        shared=Figure(
            "shared-plot",
            shared_figure(of),
            "What both runs trained, by its latency on both devices; on the line it takes as long on both.",
            f"Latency on B against latency on A of {len(of.shared)} models; all in the table.",
        ),
        others={here: front_frame(borrowed) for here, _, borrowed in sides},
        sides=[(here, there, borrowed, _side(of, here, there, borrowed)) for here, there, borrowed in sides],
    )


def fronts_figure(of: Comparison, here: str, borrowed: Borrowed) -> go.Figure:
    """Both fronts on one device: score against latency there."""
    look = {"A": (BLUE, "circle"), "B": (VERMILION, "diamond")}
    there = "B" if here == "A" else "A"
    traces = []
    for name, frame in ((here, borrowed.own), (there, borrowed.other)):
        color, symbol = look[name]
        traces.append(points(f"{name}'s front", frame.ms, frame, color, 10, marker_symbol=symbol))
    return drawn(traces, 440, f"latency on {here}, ms ({borrowed.kind})", of.a.final_unit)


def shared_figure(of: Comparison) -> go.Figure:
    """Latency on B against latency on A."""
    both = of.shared
    ends = [f(both[["A, ms", "B, ms"]].stack()) for f in (min, max)] if len(both) else [0.0, 1.0]
    line = go.Scatter(name="as long on both", x=ends, y=ends, mode="lines", line={"color": GREY, "dash": "dot"})
    names = both.architecture.str.replace("/", "<br>")
    models = go.Scatter(
        name="trained in both",
        x=both["A, ms"].tolist(),
        y=both["B, ms"].tolist(),
        mode="markers",
        marker={"color": BLUE, "size": 9},
        text=names.tolist(),
        hovertemplate="%{text}<br>A %{x:.3f} ms, B %{y:.3f} ms<extra></extra>",
    )
    return drawn([line, models], 440, "latency on A, ms", "latency on B, ms")


def _side(of: Comparison, here: str, there: str, borrowed: Borrowed) -> Figure | None:
    if of.apart:
        return None
    return Figure(
        f"on-{here}",
        fronts_figure(of, here, borrowed),
        f"Both fronts on {here}, all latencies {borrowed.kind}.",
        f"Score against latency on {here} of the models of both fronts; in the table what {there}'s front loses.",
    )


def front_frame(borrowed: Borrowed) -> pd.DataFrame:
    """The other's front on this device, fastest first."""
    return borrowed.other.sort_values("ms")[["name", "score", "ms", "arch"]].rename(
        columns={"name": "model", "arch": "architecture"}
    )
