"""Scatter plots as data: named series of models. `nas.reports.plotting` draws them for pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.objectives.costs import COSTS, readable
from nas.reports.colors import BLUE, GREEN, GREY, ORANGE, SKY, SYMBOLS, VERMILION
from nas.reports.run_data import RunData
from nas.reports.tables import hand_made
from nas.runs.size_curve import SizeCurve

if TYPE_CHECKING:
    import pandas as pd

YOURS = "your model at smaller images"
"""Name of the size curve in legends."""


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Attributes:
        name: Its name in the legend.
        x: Coordinates.
        y: Coordinates.
        texts: Tooltips.
        color: Color of the markers, such as ``#0072b2``.
        size: Size of the markers in pixels.
        symbols: One plotly symbol for all points, or one for each.
        x_error: Half the length of the error bars; empty without bars.
        y_error: The same.
        line: Line through the points: "steps" or "straight"; empty without a line.
        labels: A short label at each point; empty without labels.
        links: Ids of the elements that a click on a point opens; empty without links.
    """

    name: str
    x: list[float]
    y: list[float]
    texts: list[str]
    color: str
    size: int
    symbols: str | list[str] = SYMBOLS[0]
    x_error: Sequence[float] = ()
    y_error: Sequence[float] = ()
    line: str = ""
    labels: Sequence[str] = ()
    links: Sequence[str] = ()


@dataclass(frozen=True)
class Plot:
    """A scatter plot.

    Attributes:
        series: Its series; a later one lies over an earlier one.
        x_title: Title of the x axis.
        y_title: Title of the y axis.
        height: Height in pixels.
        y_name: Name of a y value in tooltips.
    """

    series: list[Series]
    x_title: str
    y_title: str
    height: int
    y_name: str = "score"


def front_plot(data: RunData) -> Plot:
    """Accuracy against latency of the finalists, the front and the stock model, and the teacher's size curve.

    Hand-made models are drawn only if the finalists were not trained longer: their scores could not be compared.
    """
    finalists, front = _by_accuracy(data, data.finalists), _by_accuracy(data, data.pareto)
    series = [
        model_series(f"finalists ({data.kind})", data.finalists_ms, finalists, GREY, 6, _symbols(data, finalists)),
        Series(
            data.front_label,
            data.front_ms.tolist(),
            front.score.tolist(),
            tooltips(front),
            BLUE,
            10,
            _symbols(data, front),
            x_error=front.latency_spread_ms.fillna(0).tolist(),
            y_error=[] if data.has_ap else front.score_sd.fillna(0).tolist(),
            line="steps" if data.is_line else "",
            links=model_links(front),
        ),
        _stock_series(data, f"stock ({data.kind})", [data.stock_ms], [data.stock.accuracy]),
    ]
    if not data.unmeasured:
        predicted = front.latency_predicted_ms
        series.append(model_series("Pareto front as predicted", predicted, front, SKY, 9, "circle-open"))
    if not data.several_rungs and not data.has_ap:
        series += _hand_made_series(data, "hand-made (predicted)", 9)
    if data.curve is not None:
        series.insert(0, _curve_series(data.curve))
    return Plot(series, data.latency_label, data.final_unit, 520, data.accuracy_name)


def cost_plot(data: RunData, cost: str) -> Plot:
    """Accuracy against another cost than latency, of the finalists."""
    kind = COSTS[cost]
    finalists, front = _by_accuracy(data, data.finalists), _by_accuracy(data, data.pareto)
    front_costs = (front[kind.column] * kind.factor).tolist()
    series = [
        model_series("finalists", finalists[kind.column] * kind.factor, finalists, GREY, 6, _symbols(data, finalists)),
        Series(
            "Pareto front" if data.tells_apart else "chosen by noisy scores",
            front_costs,
            front.score.tolist(),
            tooltips(front),
            BLUE,
            10,
            _symbols(data, front),
            links=model_links(front),
        ),
        _stock_series(data, "stock", [data.stock.costs[cost] * kind.factor], [data.stock.accuracy]),
    ]
    return Plot(series, f"{kind.heading}, {kind.unit}", data.final_unit, 420, data.accuracy_name)


def search_plot(data: RunData) -> Plot:
    """Score on the first rung against predicted latency of all trained candidates, by their highest rung."""
    looks = {1: (GREY, "circle-open"), 2: (SKY, "diamond"), 3: (BLUE, "circle")}
    highest = data.trained.rung.max()
    series = []
    for rung, (color, symbol) in looks.items():
        trained = data.trained[data.trained.rung == rung]
        if len(trained):
            name = f"highest rung {rung}" if highest > 1 else "trained"
            series.append(model_series(name, trained.latency_ms, trained, color, 6 + rung, symbol))
    series += _hand_made_series(data, "hand-made", 13)
    stock = data.trained[data.trained.arch == data.stock.arch]
    series.append(_stock_series(data, "stock", stock.latency_ms.tolist(), stock.score.tolist()))
    return Plot(series, f"predicted {data.latency_label}", f"{data.unit}, rung 1", 440)


def model_series(
    name: str, ms: pd.Series[float], models: pd.DataFrame, color: str, size: int, symbols: str | list[str]
) -> Series:
    """A series of models with their scores and tooltips, without bars and links."""
    return Series(name, ms.tolist(), models.score.tolist(), tooltips(models), color, size, symbols)


def tooltips(models: pd.DataFrame) -> list[str]:
    """Name, image size, costs and stages of each model, where the frame has them."""
    texts = []
    for row in models.to_dict("records"):
        lines = [f"<b>{row['name']}</b>"] if row.get("name") else []
        lines += [f"{row['imgsz']} px"] if row.get("imgsz") else []
        known = [
            readable(name, row[kind.column]) for name, kind in COSTS.items() if name != "latency" and kind.column in row
        ]
        lines += [", ".join(known)] if known else []
        texts.append("<br>".join([*lines, *str(row["arch"]).split("/")]))
    return texts


def model_links(front: pd.DataFrame) -> list[str]:
    """Ids of the page elements that hold the models."""
    return [f"model-{name}" for name in front.name]


def _by_accuracy(data: RunData, models: pd.DataFrame) -> pd.DataFrame:
    """Models whose column ``score`` holds what the front maximizes: AP where the finalists are trained."""
    return models.assign(score=data.accuracy(models)) if data.has_ap else models


def _curve_series(curve: SizeCurve) -> Series:
    points = curve.points
    return Series(
        f"{YOURS} ({'measured' if curve.measured else 'predicted'})",
        [point.ms for point in points],
        [point.ap for point in points],
        [f"<b>{point}</b>" for point in points],
        ORANGE,
        8,
        "diamond",
        x_error=[point.latency_spread_ms or 0.0 for point in points],
        line="straight",
        labels=[f"{point.imgsz}" for point in points],
    )


def _stock_series(data: RunData, name: str, x: list[float], y: list[float]) -> Series:
    finalists = data.finalists
    stock = finalists[finalists.arch == data.stock.arch].head(1)
    return Series(name, x, y, tooltips(stock), VERMILION, 15, "star")


def _hand_made_series(data: RunData, name: str, size: int) -> list[Series]:
    models = hand_made(data).rename(columns={"architecture": "arch", "model": "name"})
    if models.empty:
        return []
    return [model_series(name, models["predicted, ms"], models, GREEN, size, "square-open")]


def _symbols(data: RunData, models: pd.DataFrame) -> str | list[str]:
    """A circle; where there are several image sizes, the symbol of each model's size."""
    if not data.several_sizes:
        return SYMBOLS[0]
    sizes = sorted(data.config.imgsz)
    return [SYMBOLS[sizes.index(size) % len(SYMBOLS)] for size in models.imgsz]
