"""The finished model on the terminal: its figures beside those of the stock model, and its files."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from nas.runs.finished_card import comparison
from nas.runs.finishing import Finished, trained_stock
from nas.runs.next_commands import finish_command
from nas.terminal import Terminal


def show_finished(finished: Finished, terminal: Terminal) -> None:
    """Print the comparison with the stock model, and the files."""
    terminal.show(comparison_table(finished))
    if finished.record.unmeasured:
        terminal.say(f"Latency is not measured: {finished.record.unmeasured}")
    if trained_stock(finished) is None:
        options, run = finished.record.options, finished.run
        extra = ["--out", str(run.folder / "finish-stock"), *options.train]
        command = finish_command(run.folder, "stock", finished.other_data, options.epochs, extra)
        terminal.say(f"The stock model is not trained yet. To compare: {command}")
    files = ", ".join(str(file) for file in (finished.weights, finished.onnx, finished.card))
    terminal.say(f"finished: {files}")


def comparison_table(finished: Finished) -> Table:
    """Figures of the finished model and of the stock model."""
    shown = Table("", f"{finished.model.label}\nfinished", "stock", box=SIMPLE, pad_edge=False)
    for figure, own, stock in comparison(finished):
        shown.add_row(figure, own, stock)
    return shown
