"""``python -m nas.profile MODEL.yaml``: what every row of a detector costs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.detectors.costs import row_cost
from nas.detectors.rows import Detector, ResolvedRow
from nas.errors import InputError
from nas.files import tables_home
from nas.latency.hints import kit_command, latency_command
from nas.latency.notices import forced_warning
from nas.latency.opening import RefusedTableError, open_table
from nas.latency.table import LatencyTable
from nas.operators.base import Cost, total
from nas.spaces.models import load_detector, size_of

app = typer.Typer(add_completion=False)

CONVENTIONS = (
    "MACs: multiply-adds of convolutions and matrix products; trainers print twice that, as GFLOPs.",
    "Memory access: elements of the maps that these read and write, and of their weights.",
    "Weights: bytes of the deployed model. All for one image.",
)
SIZE = 640
WIDTH = 120
"""What the table needs; into a narrower terminal, a file or a pipe it goes whole all the same."""


class Profiled(NamedTuple):
    """One row of the detector, what it costs, and its latency where that is known."""

    resolved: ResolvedRow
    cost: Cost
    latency_ms: float | None

    def facts(self) -> dict[str, Any]:
        """What stands in the JSON."""
        row, output = self.resolved.row, self.resolved.call.output
        # A head's output is no map: it has no height and width.
        shape = output[:2] if row.operator.is_head else output
        return {
            "row": self.resolved.index,
            "from": list(row.source),
            "module": row.module,
            "repeats": row.repeats,
            "args": list(row.args),
            "output": list(shape),
            **self.cost._asdict(),
            "latency_ms": self.latency_ms,
        }


@app.command()
def main(
    model: Annotated[str, typer.Argument(help="Model YAML of Ultralytics, YOLOv5 or YOLOv9, or architecture string.")],
    imgsz: Annotated[
        int | None,
        typer.Option(help="Image size in pixels, a multiple of 32.", show_default="an architecture's own; else 640"),
    ] = None,
    nc: Annotated[int | None, typer.Option(help="Classes.", show_default="the YAML's; 80 for an architecture")] = None,
    as_json: cli.Json = False,
    device: cli.Device = "cpu",
    runtime: cli.Runtime = "auto",
    threads: cli.Threads = 1,
    precision: cli.Precision = "float32",
    table_file: cli.TableFile = None,
    force: cli.Force = False,
) -> None:
    """Parameters, MACs, memory access, weight bytes and latency of a detector, row by row and in total."""
    imgsz = size_of(model, imgsz, SIZE)
    check_imgsz(imgsz)
    check_nc(nc)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False)

    detector = load_detector(model, nc, imgsz, say)
    if table_file is not None and not table_file.exists():
        raise InputError(f"--table {table_file}: no such file; give that of a search, or drop it")
    try:
        table = open_table(device, runtime, threads, precision, table_file, force=force)
    except RefusedTableError as error:
        if table_file is not None:
            raise
        table = None
        say(f"no latency: {error}")
    latencies, whole = _latencies(table, detector, model, imgsz, say)
    rows = [Profiled(row, row_cost(row), ms) for row, ms in zip(detector.resolve(imgsz), latencies, strict=True)]
    summed = {**total(row.cost for row in rows)._asdict(), "latency_ms": whole}
    forced = table.forced if table is not None else ""
    if as_json:
        facts = [row.facts() for row in rows]
        json.dump({"total": summed, "rows": facts, "forced": forced}, sys.stdout, indent=2)
        print()
    else:
        _show(rows, summed, forced, console)


def _latencies(
    table: LatencyTable | None, detector: Detector, model: str, imgsz: int, say: cli.Say
) -> tuple[list[float | None], float | None]:
    """The rows' and the whole's latency in ms, None for what the table does not know; nothing is measured, and ``say``
    takes how to get it."""
    unknown: tuple[list[float | None], None] = ([None] * len(detector.rows), None)
    if table is None:
        return unknown
    of, path = table.fingerprint, table.path if table.path.parent != tables_home() else None
    predict = latency_command("predict", model, "--imgsz", str(imgsz), of=of, path=path)
    adds = f"{predict} adds them" if table.here else table.forced or kit_command(of, model, "--imgsz", str(imgsz))
    if not len(table):
        build = latency_command("build", "--imgsz", str(imgsz), of=of, path=path)
        say(f"no latency: no table of this device with {of['runtime']} yet; {build} builds it")
        return unknown
    if str(imgsz) not in table.header.calibrations:
        sizes = ", ".join(map(str, table.header.sizes)) or "no size yet"
        say(f"no latency: {table.path} is for {sizes}, not {imgsz} pixels; {adds}")
        return unknown
    known = table.known(detector, imgsz)
    if None in known:
        say(f"no latency for {known.count(None)} of {len(known)} rows: {table.path} lacks them; {adds}")
        return known, None
    return known, table.predict(detector, imgsz).total_ms


def _show(rows: Sequence[Profiled], summed: dict[str, Any], forced: str, console: Console) -> None:
    """The table, the totals and what the numbers mean."""
    shown = Table(box=SIMPLE, collapse_padding=True, pad_edge=False)
    if forced:
        shown.caption = Text(forced_warning(forced))
    for heading in ("row", "from", "module", "n", "arguments", "output"):
        text = heading not in {"row", "n"}
        shown.add_column(heading, justify="left" if text else "right", no_wrap=not text)
    for heading in ("params", "MACs\nM", "memory\naccess M", "weights\nKiB", "latency\nms"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        facts, cost = row.facts(), row.cost
        source = facts["from"] if len(facts["from"]) > 1 else facts["from"][0]
        arguments = ", ".join("[...]" if isinstance(arg, tuple) else str(arg) for arg in facts["args"])
        cells = [
            facts["row"],
            source,
            facts["module"],
            facts["repeats"],
            arguments,
            "x".join(map(str, facts["output"])),
        ]
        numbers = [cost.macs / 1e6, cost.memory_access / 1e6, cost.weight_bytes / 1024]
        cells += [f"{cost.params:,}", *(f"{number:,.2f}" for number in numbers), _ms(row.latency_ms)]
        shown.add_row(*(Text(str(cell)) for cell in cells))
    console.width = max(console.width, WIDTH)
    console.print(shown)
    told = (
        f"total: {summed['params']:,} params; {summed['macs']:,} MACs; {summed['memory_access']:,} elements of memory "
        f"access; {summed['weight_bytes']:,} bytes of weights; latency {_ms(summed['latency_ms'])} ms"
    )
    for line in (told, *CONVENTIONS):
        console.print(line, markup=False)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
