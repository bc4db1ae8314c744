"""The result of a search as a table, and its promises in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.box import SIMPLE
from rich.table import Table

from nas.objectives.costs import COSTS, LATENCY, readable
from nas.objectives.limits import Limits
from nas.runs.finalists import Finalist


def result_table(
    front: Sequence[Finalist],
    stock: Finalist,
    unit: str,
    unmeasured: str = "",
    minimised: Sequence[str] = LATENCY,
    sizes: Sequence[int] = (),
) -> Table:
    """The front and the stock model, predicted latency against measured, and what else is ``minimised`` (`Target`), or
    parameters and MACs; in place of parameters the image size where there are several ``sizes``; ``unit`` is that of
    the scores, ``unmeasured`` says why none was measured."""
    several = len(sizes) > 1
    costs = minimised[1:] or (("macs",) if several else ("params", "macs"))
    title = f"Pareto front, {unmeasured or 'measured whole on the device'}"
    shown = Table(title=title, box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))  # fits into 80 columns
    figures = ("measured\nms", "predicted\nms", "error", *(COSTS[name].heading for name in costs))
    for heading in ("model", *(("px",) if several else ()), unit.replace(" ", "\n", 1), *figures):
        shown.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for finalist in front if stock in front else [*front, stock]:
        measured = finalist.latency_ms is not None
        shown.add_row(
            f"{finalist.name} (stock)" if finalist.stock and finalist in front else finalist.name,
            *((f"{finalist.imgsz}",) if several else ()),
            f"{finalist.score:.4f}",
            f"{finalist.latency_ms:.2f} ± {finalist.latency_spread_ms:.2f}" if measured else "-",
            f"{finalist.latency_predicted_ms:.2f}",
            f"{finalist.error:+.1%}" if measured else "-",
            *(readable(name, finalist.costs[name]) for name in costs),
            style="bold" if finalist.stock else None,
        )
    return shown


def promises(front: Sequence[Finalist], limits: Limits) -> str:
    """What can be said of the limits and of the table, from what was measured."""
    errors = [abs(finalist.error) for finalist in front if finalist.error is not None]
    if not errors:
        return "no measured model keeps every limit: the front is empty"
    text = f"measured latency within {max(errors):.1%} of its prediction for all {len(errors)} models"
    given = [f"--max-{name}" for name, value in asdict(limits).items() if value is not None]
    return f"{text}; every one keeps {', '.join(given)}" if given else text
