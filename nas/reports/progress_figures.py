"""Figures of a search on the page of its study: growth of the front, and latency against MACs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas.objectives.costs import COSTS
from nas.objectives.pareto import Point, hypervolume, pareto
from nas.runs.trials import TrialRecord

if TYPE_CHECKING:
    import plotly.graph_objects as go


def volumes(rows: Sequence[TrialRecord], minimize: Sequence[str]) -> list[float]:
    """Hypervolume of the front after each training, as a share of the last one.

    Args:
        rows: Trained trials, in order. Their worst score and costs bound the hypervolume.
        minimize: Costs that count beside the score.
    """
    points = [row.point(minimize) for row in rows]
    scores, *costs = zip(*points, strict=True)
    worst = min(scores), *map(max, costs)
    front: list[Point] = []
    volume, found = 0.0, []
    for point in points:
        grown = [(*front, point)[index] for index in pareto([*front, point])]
        if point in grown:
            front, volume = grown, hypervolume(grown, worst)
        found.append(volume)
    return [value / found[-1] if found[-1] else 1.0 for value in found]


def volume_figure(rows: Sequence[TrialRecord], minimize: Sequence[str]) -> go.Figure:
    """Hypervolume of the front against the number of trained candidates; arguments as for `volumes`."""
    import plotly.graph_objects as go

    shares = volumes(rows, minimize)
    trials = [f"trial {row.number}" for row in rows]
    line = go.Scatter(x=list(range(1, len(rows) + 1)), y=shares, text=trials, mode="lines+markers", line_shape="hv")
    names = ", ".join(COSTS[name].objective for name in minimize)
    return _figure(f"Hypervolume of the front: score, {names}", "candidates trained", "share of the final value", line)


def costs_figure(rows: Sequence[TrialRecord]) -> go.Figure:
    """Predicted latency against MACs of trained candidates, colored by score."""
    import plotly.graph_objects as go

    points = go.Scatter(
        x=[(row.macs or 0) / 1e6 for row in rows],
        y=[row.latency_ms for row in rows],
        text=[f"trial {row.number}" for row in rows],
        mode="markers",
        marker={
            "color": [row.score for row in rows],
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": "score"}},
            "size": 9,
        },
    )
    return _figure("Latency against multiply-adds", "MACs, millions", "latency ms (predicted)", points)


def _figure(title: str, x: str, y: str, trace: go.Scatter) -> go.Figure:
    """A figure without a template, which would be larger than the data in the study."""
    import plotly.graph_objects as go

    axes = {name: {"title": {"text": text}, "gridcolor": "#e3e7ed"} for name, text in (("xaxis", x), ("yaxis", y))}
    look = {"template": None, "plot_bgcolor": "#fff", "height": 420, "showlegend": False}
    return go.Figure([trace], {"title": {"text": title}, **axes, **look})
