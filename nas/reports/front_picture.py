"""pareto.png: the Pareto front as a picture for slides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.files import replacing
from nas.plurals import counted
from nas.reports.plots import Series, front_plot
from nas.reports.run_data import RunData

_MARKERS = {"star": "*", "diamond": "D", "square-open": "s", "circle-open": "o"}


def write_png(data: RunData, path: Path) -> None:
    """Write accuracy against latency of the finalists, the front, the stock model and hand-made models.

    Args:
        data: A finished run.
        path: The PNG file.
    """
    from matplotlib.figure import Figure

    plot = front_plot(data)
    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    axes = figure.subplots()
    for series in plot.series:
        if series.links or not series.name.startswith("Pareto front"):  # without the front as predicted
            axes.errorbar(series.x, series.y, label=series.name, **_look(series))
            for label, x, y in zip(series.labels, series.x, series.y, strict=False):
                axes.annotate(label, (x, y), (5, -12), textcoords="offset points", fontsize=8, color="#444")
    config = data.config
    conditions = f"{data.run.record.fingerprint['runtime']}, {counted(config.threads, 'thread')}, {data.sizes}"
    axes.set_xlabel(f"{plot.x_title} ({conditions})")
    # A $ in a name is not the start of a formula.
    axes.set_ylabel(f"{plot.y_title}, {config.data}", parse_math=False)
    models = f"{len(data.pareto)} {'Pareto models' if data.tells_apart else 'models chosen by noisy scores'}"
    title = f"{data.run.record.space}: {models} from {len(data.trained)} trained candidates"
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _look(series: Series) -> dict[str, Any]:
    """Arguments of matplotlib's errorbar."""
    symbol = series.symbols if isinstance(series.symbols, str) else "circle"
    return {
        "fmt": _MARKERS.get(symbol, "o"),
        "linestyle": {"steps": "-", "straight": "--"}.get(series.line, "none"),
        "drawstyle": "steps-post" if series.line == "steps" else "default",
        "color": series.color,
        "markersize": series.size * 0.7,
        "markerfacecolor": "none" if symbol.endswith("-open") else series.color,
        "xerr": list(series.x_error) or None,
        "yerr": list(series.y_error) or None,
        "linewidth": 1.5,
        "zorder": 3 if symbol == "star" else 2,
    }
