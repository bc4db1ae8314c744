"""Figures of pages, drawn with plotly. The page sets the colors of text and lines, so that it can be dark."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nas.reports.colors import PARTS
from nas.reports.plots import Plot, Series

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def draw(plot: Plot) -> go.Figure:
    """Draw a scatter plot."""
    traces = (_trace(series, plot.y_name) for series in plot.series)
    return figure(traces, plot.height, plot.x_title, plot.y_title)


def draw_parts(parts: pd.DataFrame) -> go.Figure:
    """Draw the predicted latency of models as stacked bars.

    Args:
        parts: Latency in ms, a row for each model and a column for each part, see `nas.reports.tables.latency_by_part`.
    """
    import plotly.graph_objects as go

    frame = parts.iloc[::-1]  # a bar chart starts at the bottom
    bars = [
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
    drawn = figure(bars, 150 + 34 * len(frame), "predicted latency, ms", None)
    drawn.update_layout(barmode="stack", legend_traceorder="normal", bargap=0.35)
    drawn.update_yaxes(type="category")
    return drawn


def figure(traces: Iterable[Any], height: int, x_title: str, y_title: str | None) -> go.Figure:
    """A figure with the layout of all pages.

    Args:
        traces: Traces of plotly.
        height: Height in pixels.
        x_title: Title of the x axis.
        y_title: Title of the y axis.
    """
    import plotly.graph_objects as go

    drawn = go.Figure(list(traces))
    drawn.update_layout(
        template=None,
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": {"text": x_title, "standoff": 8}, "automargin": True, "zeroline": False, "ticklen": 4},
        yaxis={"title": {"text": y_title, "standoff": 8}, "automargin": True, "zeroline": False, "ticklen": 4},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"align": "left"},
        dragmode="zoom",
    )
    return drawn


_LINES = {"steps": {"width": 2, "shape": "hv"}, "straight": {"width": 2, "dash": "dash"}}
"""Looks of the lines of `nas.reports.plots.Series`."""


def _trace(series: Series, y_name: str) -> go.Scatter:
    import plotly.graph_objects as go

    outline = {"circle-open": 1.5, "square-open": 2, "star": 1}
    symbol = series.symbols if isinstance(series.symbols, str) else ""
    look: dict[str, Any] = {"marker": {"color": series.color, "size": series.size, "symbol": series.symbols}}
    if symbol in outline:
        look["marker"]["line"] = {"width": outline[symbol]}
    if series.line:
        look["line"] = _LINES[series.line]
    for axis, errors in (("error_x", series.x_error), ("error_y", series.y_error)):
        if errors:
            look[axis] = {"array": list(errors), "thickness": 1}
    if series.links:
        look["customdata"] = list(series.links)
    if series.labels:
        look |= {
            "text": list(series.labels),
            "textposition": "bottom right",
            "textfont": {"size": 11},
            "cliponaxis": False,
        }
    parts = {"lines": series.line, "markers": True, "text": series.labels}
    return go.Scatter(
        name=series.name,
        x=series.x,
        y=series.y,
        hovertext=series.texts,
        mode="+".join(part for part, drawn in parts.items() if drawn),
        hovertemplate="%{hovertext}<br>%{x:.3f}, " + y_name + " %{y:.4f}<extra>" + series.name + "</extra>",
        **look,
    )
