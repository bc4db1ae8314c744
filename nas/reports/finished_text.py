"""The finished model on the terminal: its figures beside those of the stock model, and its files."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from nas.runs.finished_card import comparison
from nas.runs.finishing import Finished
from nas.terminal import Terminal


def show_finished(finished: Finished, terminal: Terminal) -> None:
    """Print the comparison with the stock model, and the files."""
    terminal.show(comparison_table(finished))
    if finished.record.unmeasured:
        terminal.say(f"Latency is not measured: {finished.record.unmeasured}")
    files = ", ".join(str(file) for file in (finished.weights, finished.onnx, finished.card))
    terminal.say(f"finished: {files}")


def comparison_table(finished: Finished) -> Table:
    """Figures of the finished model and of the stock model."""
    shown = Table("", f"{finished.model.label}\nfinished", "stock", box=SIMPLE, pad_edge=False)
    for figure, own, stock in comparison(finished):
        shown.add_row(figure, own, stock)
    return shown
