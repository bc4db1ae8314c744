"""``python -m nas.profile MODEL.yaml``: cost and latency of every row of a detector."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.latency.model_profile import ModelProfile, RowProfile

app = typer.Typer(add_completion=False)

CONVENTIONS = (
    "MACs: multiply-adds of convolutions and matrix products; trainers print twice that, as GFLOPs.",
    "Memory access: elements of the maps that these read and write, and of their weights.",
    "Weights: bytes of the deployed model. All for one image.",
)
SIZE = 640
"""The default image size in pixels."""
WIDTH = 120
"""Columns that the table needs; a narrower terminal wraps it, a file or a pipe takes it as it is."""


@app.command()
def main(
    model: Annotated[
        str, typer.Argument(help="Model YAML of Ultralytics, YOLOv5 or YOLOv9, architecture string, or checkpoint.")
    ],
    imgsz: Annotated[
        int | None,
        typer.Option(help="Image size in pixels, a multiple of 32.", show_default="an architecture's own; else 640"),
    ] = None,
    nc: Annotated[
        int | None, typer.Option(help="Number of classes.", show_default="the YAML's; 80 for an architecture")
    ] = None,
    as_json: cli.Json = False,
    device: cli.Device = "cpu",
    runtime: cli.Runtime = "auto",
    threads: cli.Threads = 1,
    precision: cli.Precision = "float32",
    table_file: cli.TableFile = None,
    force: cli.Force = False,
) -> None:
    """Parameters, MACs, memory access, weight bytes and latency of a detector, row by row and in total."""
    from nas.latency.errors import RefusedTableError
    from nas.latency.model_profile import profile_model
    from nas.latency.opening import open_table
    from nas.spaces.models import load_detector, size_of

    imgsz = size_of(model, imgsz, SIZE)
    check_imgsz(imgsz)
    check_nc(nc)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False)

    detector = load_detector(model, nc, imgsz, say)
    if table_file is not None and not table_file.exists():
        hint = "give the table of a search, or drop it"
        raise ConfigError("no such file", field="table", value=table_file, hint=hint)
    try:
        table = open_table(device, runtime, threads, precision, table_file, force=force)
    except RefusedTableError as error:
        if table_file is not None:
            raise
        table = None
        say(f"no latency: {error.text(cli.spell)}")
    profile = profile_model(detector, imgsz, table, model)
    if profile.note:
        say(profile.note)
    if as_json:
        json.dump(profile.to_json(), sys.stdout, indent=2)
        print()
    else:
        _show(profile, console)


def _show(profile: ModelProfile, console: Console) -> None:
    """Print the table, the totals and the conventions."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    from nas.latency.notices import forced_warning

    shown = Table(box=SIMPLE, collapse_padding=True, pad_edge=False)
    if profile.forced:
        shown.caption = Text(forced_warning(profile.forced))
    for heading in ("row", "from", "module", "n", "arguments", "output"):
        text = heading not in {"row", "n"}
        shown.add_column(heading, justify="left" if text else "right", no_wrap=not text)
    for heading in ("params", "MACs\nM", "memory\naccess M", "weights\nKiB", "latency\nms"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in profile.rows:
        shown.add_row(*map(Text, _cells(row)))
    console.width = max(console.width, WIDTH)
    console.print(shown)
    cost = profile.cost
    total = (
        f"total: {cost.params:,} params; {cost.macs:,} MACs; {cost.memory_access:,} elements of memory "
        f"access; {cost.weight_bytes:,} bytes of weights; latency {_ms(profile.latency_ms)} ms"
    )
    for line in (total, *CONVENTIONS):
        console.print(line, markup=False)


def _cells(row: RowProfile) -> list[str]:
    values, cost = row.to_json(), row.cost
    source = values["from"] if len(values["from"]) > 1 else values["from"][0]
    arguments = ", ".join("[...]" if isinstance(arg, tuple) else str(arg) for arg in values["args"])
    output = "x".join(map(str, values["output"]))
    cells = [values["row"], source, values["module"], values["repeats"], arguments, output, f"{cost.params:,}"]
    numbers = (cost.macs / 1e6, cost.memory_access / 1e6, cost.weight_bytes / 1024)
    return [*map(str, cells), *(f"{number:,.2f}" for number in numbers), _ms(row.latency_ms)]


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    cli.run(app)
