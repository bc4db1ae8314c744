"""Picture of a latency table's report card: predicted against measured latency."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.files import replacing
from nas.latency.report_card import ReportCard
from nas.plurals import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = {"random": "#1f5fbf", "stock": "#c2410c", "hand-made": "#15803d", "other": "#7e22ce"}
"""Colors by kind of model."""


def write_card_png(card: ReportCard, path: Path) -> None:
    """Write predicted against measured latency on logarithmic axes, with bands of 5 % and 10 % error.

    Args:
        card: The report card.
        path: The PNG file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 6), dpi=150, layout="constrained")
    axes = figure.subplots()
    times = [ms for model in card.models for ms in (model.predicted_ms, model.first_ms, model.second_ms)]
    ends = [min(times) * 0.95, max(times) * 1.05]
    for share, shade in ((0.10, "#eef1f5"), (0.05, "#dde3ea")):
        low, high = ([ms * (1 + sign * share) for ms in ends] for sign in (-1, 1))
        axes.fill_between(ends, low, high, color=shade, linewidth=0, label=f"within {share:.0%}")
    axes.plot(ends, ends, color="#6b7280", linewidth=0.8)
    for kind, color in _COLORS.items():
        _draw_models(axes, card, kind, color)
    _label(axes, card, ends)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _draw_models(axes: Axes, card: ReportCard, kind: str, color: str) -> None:
    models = [model for model in card.models if model.kind == kind]
    if models:
        axes.errorbar(
            [model.measured_ms for model in models],
            [model.predicted_ms for model in models],
            xerr=[abs(model.first_ms - model.second_ms) / 2 for model in models],
            fmt="o",
            markersize=4,
            linewidth=0.8,
            color=color,
            label=f"{kind} ({len(models)})",
        )


def _label(axes: Axes, card: ReportCard, ends: list[float]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    identity = card.identity
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 4, 5, 6, 8)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("measured end-to-end, ms (mean of two measurements; bars connect them)")
    axes.set_ylabel("predicted by the table, ms")
    machine = identity.get("gpu", identity["cpu"])
    threads = counted(int(identity["threads"]), "thread")
    title = f"{machine}\n{identity['runtime']} {identity['version']}, {threads}, {card.imgsz} px"
    axes.set_title(f"{title}\nTHE MACHINE WAS TOO NOISY" if card.too_noisy else title, fontsize="medium")
    axes.legend(frameon=False)
