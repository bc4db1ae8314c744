"""Figures of a search: how its front grew, and latency against multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from nas.objectives.costs import COSTS
from nas.objectives.pareto import Point, hypervolume, pareto
from nas.runs.trials import TrialRecord as Record


def volumes(rows: Sequence[Record], minimised: Sequence[str]) -> list[float]:
    """The hypervolume (`nas.objectives.pareto.hypervolume`) of the front after each of the trained ``rows``, as a share of the
    last; the worst score and costs among them bound it."""
    points = [row.point(minimised) for row in rows]
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


def volume_figure(rows: Sequence[Record], minimised: Sequence[str]) -> go.Figure:
    """How much of the final front's hypervolume there was after so many trainings."""
    shares = volumes(rows, minimised)
    trials = [f"trial {row.number}" for row in rows]
    line = go.Scatter(x=list(range(1, len(rows) + 1)), y=shares, text=trials, mode="lines+markers", line_shape="hv")
    names = ", ".join(COSTS[name].objective for name in minimised)
    return _figure(f"Hypervolume of the front: score, {names}", "candidates trained", "share of the last", [line])


def costs_figure(rows: Sequence[Record]) -> go.Figure:
    """Predicted latency against multiply-adds of the trained candidates, coloured by score: what MACs do not tell."""
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
    return _figure("Latency against multiply-adds", "MACs, millions", "latency ms (predicted)", [points])


def _figure(title: str, x: str, y: str, data: list[go.Scatter]) -> go.Figure:
    """Without a template, which would weigh more than the data in the study."""
    axes = {name: {"title": {"text": text}, "gridcolor": "#e3e7ed"} for name, text in (("xaxis", x), ("yaxis", y))}
    look = {"template": None, "plot_bgcolor": "#fff", "height": 420, "showlegend": False}
    return go.Figure(data, {"title": {"text": title}, **axes, **look})
