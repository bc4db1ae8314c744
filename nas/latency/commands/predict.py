"""``predict``: the latency of models, by the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.latency.commands.options import SIZE, OwnClasses, TableOptions, with_table
from nas.latency.commands.output import calibration_line, file_of, print_json, show_table, terminal

if TYPE_CHECKING:
    from nas.latency.models import Model
    from nas.latency.table import LatencyTable
    from nas.terminal import Terminal


@with_table()
def predict(
    models: Annotated[
        list[str], typer.Argument(help="Model YAMLs of Ultralytics, YOLOv5 or YOLOv9, or architecture strings.")
    ],
    *,
    imgsz: Annotated[
        int | None,
        typer.Option(help="Image size in pixels, a multiple of 32.", show_default=f"the model's own; else {SIZE}"),
    ] = None,
    nc: OwnClasses = None,
    as_json: cli.Json = False,
    table: TableOptions,
) -> None:
    """Latency in ms of one image, for any models. Missing entries are measured if the device is this machine."""
    check_nc(nc)
    from nas.latency.completion import check_complete, complete_table
    from nas.latency.models import Model
    from nas.spaces.models import load_detector, size_of

    sizes = [check_imgsz(size_of(model, imgsz, SIZE)) for model in models]
    with terminal(as_json) as display:
        read = zip(models, sizes, strict=True)
        asked = [Model(model, "other", load_detector(model, nc, size, display.say), size) for model, size in read]
        opened, builder = table.open()
        for size in dict.fromkeys(sizes):
            of_size = [model for model in asked if model.imgsz == size]
            if builder is None:
                check_complete(opened, of_size, size)
            else:
                complete_table(builder, of_size, size, display.bar)
        _show_predictions(opened if builder is None else builder.table, asked, sizes, display, as_json)


def _show_predictions(
    table: LatencyTable, models: Sequence[Model], sizes: Sequence[int], display: Terminal, as_json: bool
) -> None:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    from nas.latency.notices import forced_warning, noise_warning

    predictions = [table.predict(model.detector, size) for model, size in zip(models, sizes, strict=True)]
    if as_json:
        rows: list[dict[str, Any]] = []
        for model, size, prediction in zip(models, sizes, predictions, strict=True):
            params, macs, *_ = model.detector.cost(size)
            facts = {"model": model.name, "imgsz": size, "latency_ms": prediction.total_ms}
            rows.append({**facts, "params": params, "macs": macs})
        print_json({"models": rows, "table": str(file_of(table)), "forced": table.forced})
    else:
        shown = Table(box=SIMPLE, pad_edge=False)
        for heading in ("model", "px", "latency\nms", "rows\nms", "overhead\nms"):
            shown.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
        for model, size, prediction in zip(models, sizes, predictions, strict=True):
            figures = (prediction.total_ms, sum(prediction.rows), table.header.overhead_ms)
            shown.add_row(Text(model.name), str(size), *(f"{ms:.3f}" for ms in figures))
        show_table(shown, display.console)
        for size in dict.fromkeys(sizes):
            display.say(f"{file_of(table)}; {calibration_line(table, size)}")
        if table.forced:
            display.say(forced_warning(table.forced))
    for size in dict.fromkeys(sizes):
        of_size = [model for model, own in zip(models, sizes, strict=True) if own == size]
        predicted = (row for model in of_size for row in model.detector.resolve(size))
        names = [model.name for model in of_size]
        if warning := noise_warning(table, predicted, "predict", *names, "--imgsz", str(size)):
            display.say(warning)
