"""compare.html: two runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nas.plurals import counted
from nas.reports.colors import BLUE, GREY, VERMILION
from nas.reports.comparison import Comparison
from nas.reports.foreign_front import ForeignFront
from nas.reports.plots import Plot, model_series
from nas.reports.plotting import draw, figure
from nas.reports.templating import Figure, write_page

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_LOOKS = {"A": (BLUE, "circle"), "B": (VERMILION, "diamond")}


class Side(NamedTuple):
    """Section about one run's front on the other run's device.

    Attributes:
        here: Name of the run of the device.
        there: Name of the run of the front.
        front: The front of ``there`` on the device of ``here``.
        models: Its models as a table.
        figure: Both fronts; None where scores cannot be compared.
    """

    here: str
    there: str
    front: ForeignFront
    models: pd.DataFrame
    figure: Figure | None


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write the page.

    Args:
        comparison: The comparison.
        path: The HTML file.
    """
    fronts = (("A", "B", comparison.on_a), ("B", "A", comparison.on_b))
    figures = {"A": comparison.a.accuracy_name, "B": comparison.b.accuracy_name}
    write_page(
        path,
        "compare.html",
        comparison=comparison,
        runs={"A": comparison.a, "B": comparison.b},
        sides=[
            Side(here, there, front, _models(front, figures[there]), _side_figure(comparison, here, there, front))
            for here, there, front in fronts
        ],
        shared=Figure(
            "shared-plot",
            shared_figure(comparison.shared),
            "Models that both runs trained. On the dotted line, the latency is equal on both.",
            f"Latency on B against latency on A of {counted(len(comparison.shared), 'model')}. "
            "The table has all values.",
        ),
    )


def fronts_plot(comparison: Comparison, here: str, front: ForeignFront) -> Plot:
    """Accuracy against latency of both fronts on one device.

    Args:
        comparison: The comparison.
        here: Name of the run of the device.
        front: The other run's front on this device.
    """
    there = "B" if here == "A" else "A"
    series = []
    for name, models in ((here, front.own), (there, front.other)):
        color, symbol = _LOOKS[name]
        series.append(model_series(f"{name}'s front", models.ms, models, color, 10, symbol))
    return Plot(series, f"latency on {here}, ms ({front.kind})", comparison.a.final_unit, 440, front.figure)


def shared_figure(shared: pd.DataFrame) -> go.Figure:
    """Latency on B against latency on A.

    Args:
        shared: `nas.reports.comparison.Comparison.shared`.
    """
    import plotly.graph_objects as go

    times = shared[["A, ms", "B, ms"]].stack()
    ends = [times.min(), times.max()] if len(shared) else [0.0, 1.0]
    line = go.Scatter(name="equal latency", x=ends, y=ends, mode="lines", line={"color": GREY, "dash": "dot"})
    models = go.Scatter(
        name="trained in both runs",
        x=shared["A, ms"].tolist(),
        y=shared["B, ms"].tolist(),
        mode="markers",
        marker={"color": BLUE, "size": 9},
        text=shared.architecture.str.replace("/", "<br>").tolist(),
        hovertemplate="%{text}<br>A %{x:.3f} ms, B %{y:.3f} ms<extra></extra>",
    )
    return figure([line, models], 440, "latency on A, ms", "latency on B, ms")


def _side_figure(comparison: Comparison, here: str, there: str, front: ForeignFront) -> Figure | None:
    if comparison.difference:
        return None
    name = front.figure[0].upper() + front.figure[1:]
    return Figure(
        f"on-{here}",
        draw(fronts_plot(comparison, here, front)),
        f"Both fronts on {here}; all latencies are {front.kind}.",
        f"{name} against latency on {here} of the models of both fronts. "
        f"The tables list the losses of {there}'s front.",
    )


def _models(front: ForeignFront, figure: str) -> pd.DataFrame:
    """Models of the other front, fastest first, with the name of the other run's figure of accuracy."""
    columns = front.other.sort_values("ms")[["name", "score", "ms", "arch"]]
    return columns.rename(columns={"name": "model", "score": figure, "arch": "architecture"})
