"""The result of a search on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table

from nas.config import SearchConfig
from nas.latency.notices import forced_warning
from nas.objectives.costs import COSTS, readable
from nas.objectives.limits import Limits
from nas.plurals import counted
from nas.reports.finished_text import show_finished
from nas.runs.finalists import Finalist, unmeasured_note
from nas.runs.gains import free_choice, headline, size_command
from nas.runs.next_commands import RANDOM_ONNX, model_commands
from nas.runs.record import AP
from nas.runs.size_curve import SizePoint
from nas.search.pipeline import SearchResult
from nas.terminal import Terminal


def show_result(result: SearchResult, terminal: Terminal) -> None:
    """Print the verdict beside the user's own model, the front, the score noise, the limits and the files."""
    run, forced = result.run, result.run.record.forced
    if first := headline(run):
        terminal.say(first)
    unmeasured = unmeasured_note(run.folder, forced) if result.stock.latency_ms is None else ""
    table = result_table(result.front, run.config, run.result.accuracy_unit)
    table.title = _title(result, unmeasured)
    terminal.show(table)
    if run.result.curve:
        terminal.say("Your own model at several image sizes, evaluated without training:")
        terminal.show(curve_table(run.result.curve))
    if result.stock.rejected:
        terminal.say(stock_note(result.stock))
    terminal.say(run.result.trust)
    terminal.say(unmeasured or accuracy_note(result.front, run.config.limits))
    if forced:
        terminal.say(forced_warning(forced))
    terminal.say(f"models in {run.folder / 'pareto'}, report in {run.folder / 'report.html'}")
    if result.finished is not None:
        show_finished(result.finished, terminal)
        return
    for line in recommendation(result):
        terminal.say(line)


def recommendation(result: SearchResult) -> list[str]:
    """The model to train, the reason for it, and its command; nothing if no model meets the limits."""
    if not result.front:
        return []
    run = result.run
    model, reason = run.pick()
    lines = [f"Recommended: {model.name}, {reason}."]
    if (point := free_choice(run, model)) is not None:
        lines = [
            f"Recommended: {point}, with {point.figures}. Export it:",
            f"  {size_command(run, point)}",
            f"The best model of the front is {model.name}, {reason}.",
        ]
    commands = model_commands(run.folder, model, run.data)
    for title, command in commands.items():
        if title != RANDOM_ONNX:
            lines += [f"{title[0].upper()}{title[1:]}:", f"  {command}"]
    return lines


def _title(result: SearchResult, unmeasured: str) -> str:
    if doubt := result.run.result.doubt:
        title = f"No Pareto front: {doubt}; {unmeasured or 'latency measured end-to-end'}"
    else:
        title = f"Pareto front, {unmeasured or 'latency measured end-to-end on the device'}"
    return f"{title}; the table does not fit this device" if result.run.record.forced else title


def stock_note(stock: Finalist) -> str:
    """The place of a stock model that is not on the front."""
    kind = "predicted" if stock.latency_ms is None else "measured"
    accuracy = f"score {stock.score:.4f}" if stock.ap is None else f"AP {stock.ap:.4f}"
    figures = f"{accuracy}, {stock.latency:.2f} ms {kind}, {readable('params', stock.params)} parameters"
    return f"The stock model is not on the front ({figures}): {stock.rejected}."


def result_table(front: Sequence[Finalist], config: SearchConfig, unit: str) -> Table:
    """The front, with predicted and measured latency and other costs.

    The other costs are those that the search minimizes beside latency, or else parameters and MACs. With several image
    sizes the size takes the place of the parameters.

    Args:
        front: Models of the front.
        config: Options of the search.
        unit: Unit of their accuracy.
    """
    several = len(config.imgsz) > 1
    costs = config.minimize[1:] or (("macs",) if several else ("params", "macs"))
    shown = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))  # fits into 80 columns
    figures = ("measured\nms", "predicted\nms", "error", *(COSTS[name].heading for name in costs))
    for heading in ("model", *(("px",) if several else ()), unit.replace(" ", "\n", 1), *figures):
        shown.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
    for finalist in front:
        measured = finalist.latency_ms is not None
        shown.add_row(
            finalist.label,
            *((f"{finalist.imgsz}",) if several else ()),
            f"{finalist.accuracy:.4f}",
            f"{finalist.latency_ms:.2f} ± {finalist.latency_spread_ms:.2f}" if measured else "-",
            f"{finalist.latency_predicted_ms:.2f}",
            f"{finalist.error:+.1%}" if measured else "-",
            *(readable(name, finalist.costs[name]) for name in costs),
            style="bold" if finalist.stock else None,
        )
    return shown


def curve_table(points: Sequence[SizePoint]) -> Table:
    """The user's own model at several image sizes, evaluated without training."""
    shown = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("px", AP, "measured ms" if points[0].measured else "predicted ms"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for point in points:
        spread = "" if point.latency_spread_ms is None else f" ± {point.latency_spread_ms:.2f}"
        latency = "-" if point.latency_ms is None else f"{point.latency_ms:.2f}{spread}"
        shown.add_row(f"{point.imgsz}", f"{point.ap:.4f}", latency)
    return shown


def accuracy_note(front: Sequence[Finalist], limits: Limits) -> str:
    """The accuracy of the latency predictions and the limits that are met, in words."""
    errors = [abs(finalist.error) for finalist in front if finalist.error is not None]
    if not errors:
        return "No measured model meets all limits: the front is empty."
    models = "1 model" if len(errors) == 1 else f"all {counted(len(errors), 'model')}"
    text = f"Measured latency is within {max(errors):.1%} of its prediction for {models}."
    given = " and ".join(COSTS[name].heading for name in limits.names)
    return f"{text} Every model meets the limit on {given}." if given else text
