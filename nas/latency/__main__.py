"""``python -m nas.latency build|check|predict|list|bundle|import``: the latency table of a device."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.errors import ConfigError, TableError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nas.latency.builder import TableBuilder
    from nas.latency.kit_results import KitResults
    from nas.latency.models import Model
    from nas.latency.report_card import ReportCard
    from nas.latency.table import LatencyTable
    from nas.spaces.space import Space
    from nas.terminal import Terminal

app = typer.Typer(add_completion=False, help="Build, check, read and carry the latency table of a device.")

CLASSES = 80
SIZE = 320
HELD_OUT = 40

Size = Annotated[int, typer.Option(help="Image size in pixels, a multiple of 32.")]
Sizes = Annotated[
    list[int] | None,
    typer.Option("--imgsz", help="Image size in pixels, a multiple of 32; may be repeated.", show_default=str(SIZE)),
]
Spaces = Annotated[
    list[str] | None,
    typer.Option(
        "--space",
        help="Search space, a shipped name or a .yaml file; may be repeated.",
        show_default="the default space",
    ),
]
OwnClasses = Annotated[int | None, typer.Option(help="Classes.", show_default=f"each YAML's; {CLASSES} else")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the random members.")]


@dataclass(frozen=True)
class TableOptions:
    """Options that name a latency table, see `nas.latency.opening.open_table`."""

    device: cli.Device = "cpu"
    runtime: cli.Runtime = "auto"
    threads: cli.Threads = 1
    precision: cli.Precision = "float32"
    table_file: cli.TableFile = None
    force: cli.Force = False

    def builder(self, rebuild: bool = False) -> TableBuilder:
        """Open the table to measure for it."""
        from nas.latency.opening import open_builder

        place = (self.device, self.runtime, self.threads, self.precision)
        return open_builder(*place, self.table_file, rebuild, self.force)

    def open(self) -> tuple[LatencyTable, TableBuilder | None]:
        """Open the table, and its builder if missing rows can be measured."""
        from nas.latency.devices import is_local
        from nas.latency.opening import open_table

        if not is_local(self.device):
            place = (self.device, self.runtime, self.threads, self.precision)
            return open_table(*place, self.table_file, self.force), None
        builder = self.builder()
        return builder.table, builder if builder.table.measurable else None


def with_table(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace the parameter ``table`` of a command by the options of `TableOptions`.

    Args:
        left_out: Options that the command does not have.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "table"]
        shared = inspect.signature(TableOptions, eval_str=True, globals=globals()).parameters.values()
        options = [p for p in shared if p.name not in left_out]

        @functools.wraps(command)
        def wrapped(**arguments: Any) -> None:
            table = TableOptions(**{option.name: arguments.pop(option.name) for option in options})
            command(**arguments, table=table)

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *options)]
        wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {}
        return wrapped

    return decorate


@app.command()
@with_table("force")
def build(
    *,
    space: Spaces = None,
    imgsz: Sizes = None,
    nc: Annotated[int, typer.Option(help="Classes: the head's rows depend on them.")] = CLASSES,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Drop the table's contents and measure it anew.")] = False,
    table: TableOptions,
) -> None:
    """Measure what the table of this device lacks for search spaces. If stopped, it continues where it was."""
    check_nc(nc)
    sizes = list(dict.fromkeys(map(check_imgsz, imgsz or [SIZE])))
    spaces = _spaces(space)
    from nas.latency.completion import build_table
    from nas.latency.errors import AbsentDeviceError
    from nas.latency.hints import kit_hint
    from nas.latency.notices import noise_warning

    try:
        builder = table.builder(rebuild)
    except AbsentDeviceError as error:
        known = {"device": table.device, "runtime": table.runtime, "threads": table.threads}
        words = ["--imgsz", str(sizes[0]), "--nc", str(nc), *(["--rebuild"] if rebuild else [])]
        error.hint = kit_hint(known, *words)
        raise
    with _terminal() as display:
        try:
            built = build_table(builder, spaces, sizes, nc, display.bar)
        except KeyboardInterrupt:
            again = "the same command without --rebuild" if rebuild else "the same command"
            display.say(f"interrupted; finished measurements are saved, and {again} continues from there")
            raise
        for size in sizes:
            display.say(_calibration(builder.table, size))
        display.say(
            f"{_file(builder.table)}: {len(builder.table)} entries, {built.entries} of them new, in "
            f"{built.seconds:.0f} seconds; {builder.table.header.noise}"
        )
        if warning := noise_warning(builder.table, builder.noise):
            display.say(warning)


@app.command()
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
    with _terminal(as_json) as display:
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


@app.command()
@with_table()
def check(
    models: Annotated[
        list[str] | None, typer.Argument(help="Model YAMLs or architecture strings to measure beside the others.")
    ] = None,
    *,
    imgsz: Size = SIZE,
    space: Annotated[
        str, typer.Option(help="Search space, a shipped name or a .yaml file.", show_default="the default space")
    ] = "",
    count: Annotated[
        int, typer.Option("--models", min=1, help="Random members to measure; the table was fitted on none of them.")
    ] = HELD_OUT,
    seed: Seed = 0,
    nc: OwnClasses = None,
    as_json: cli.Json = False,
    table: TableOptions,
) -> None:
    """The report card: complete models, predicted by the table and then measured twice. Written beside the table.

    For a device that is not this machine, and for a table opened by --force, the last card is shown.
    """
    check_imgsz(imgsz)
    check_nc(nc)
    from nas.latency.card_file import load_card
    from nas.latency.checking import check_table, held_out_models
    from nas.latency.completion import complete_table, measuring_hint
    from nas.reports.report_card import write_card
    from nas.spaces.space import DEFAULT_SPACE, load_space

    with _terminal(as_json) as display:
        others = _others(models, imgsz, nc, display)
        searched, classes = load_space(space or DEFAULT_SPACE), nc or CLASSES
        opened, builder = table.open()
        if builder is not None:
            # Another command may have calibrated the table on the default space.
            fitted = [*searched.calibration(classes), *load_space(DEFAULT_SPACE).calibration(classes)]
            chosen = held_out_models(searched, count, seed, classes, fitted, others)
            complete_table(builder, chosen, imgsz, display.bar)
            card = check_table(builder, chosen, imgsz, display.bar, searched.name, seed)
            written = write_card(builder.table, card)
            _show_card(card, display, as_json)
            display.say(f"report card in {written} and {written.with_suffix('.png').name}")
        elif others:
            hint = measuring_hint(opened, others, imgsz)
            raise TableError("cannot be measured", file=others[0].name, hint=hint)
        else:
            _show_card(replace(load_card(opened, imgsz), forced=opened.forced), display, as_json)


@app.command("list")
def show_list(
    device: Annotated[str | None, typer.Option(help="Only tables of this device.")] = None,
    runtime: Annotated[str | None, typer.Option(help="Only tables of this runtime.")] = None,
    threads: Annotated[int | None, typer.Option(help="Only tables of this number of threads.")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Only tables that predict at this image size in pixels.")] = None,
    as_json: cli.Json = False,
) -> None:
    """The tables in your folder and the shipped ones, with the figures of their last report cards."""
    from nas.latency.listing import list_tables

    found = [listed for listed in list_tables() if listed.damaged or listed.fits(device, runtime, threads, imgsz)]
    if as_json:
        _print({"tables": [listed.facts() for listed in found]})
        return
    with _terminal() as display:
        if not found:
            display.say("no such table; python -m nas.latency build makes the one of this device")
        for line in chain.from_iterable(listed.lines() for listed in found):
            display.say(line)


@app.command("bundle")
@with_table("precision", "table_file", "force", "device", "runtime")
def make_kit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the kit.")],
    models: Annotated[
        list[str] | None, typer.Argument(help="Model YAMLs or architecture strings to measure end-to-end as well.")
    ] = None,
    *,
    run: Annotated[
        Path | None, typer.Option(help="Measure the finalists of this run, for its device and size.")
    ] = None,
    space: Spaces = None,
    imgsz: Size = SIZE,
    nc: OwnClasses = None,
    count: Annotated[
        int, typer.Option("--models", min=0, help="Random members to check the table with; 0: no check.")
    ] = HELD_OUT,
    seed: Seed = 0,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Measure also what the device's table contains, and replace it.")
    ] = False,
    device: Annotated[str, typer.Option(help="A name of your choice for the device, such as pi5.")] = "",
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime or openvino: the runtime of the device.")] = "auto",
    table: TableOptions,
) -> None:
    """Write a measuring kit for another device; its README.txt says how to use it there.

    It contains what the device's table lacks for the search spaces, models to check the table with, and yours.
    """
    with _terminal() as display:
        if run is not None:
            if device or models or space or rebuild:
                hint = "drop `device`, `space`, `rebuild` and the models"
                raise ConfigError("a run brings its device and models", field="run", value=run, hint=hint)
            from nas.runs.offline_finalists import bundle_finalists

            with display.bar("finalists of the run") as progress:
                bundle_finalists(run, folder, progress)
        else:
            check_imgsz(imgsz)
            check_nc(nc)
            _check_other_device(device)
            from nas.latency.kit import KitSpec, write_kit
            from nas.latency.space_kit import kit_contents

            others = _others(models, imgsz, nc, display)
            contents = kit_contents(_spaces(space), imgsz, nc or CLASSES, count, seed, others)
            with display.bar(f"kit for {device}") as progress:
                write_kit(folder, KitSpec(device, runtime, table.threads, rebuild=rebuild, **contents), progress)
        display.say((folder / "README.txt").read_text(encoding="utf-8"))
        size = sum(file.stat().st_size for file in folder.iterdir())
        display.say(f"{folder}: {size / 1e6:.0f} MB")


@app.command("import")
def take_kit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The kit's folder, copied back from the device.")],
    run: Annotated[
        Path | None, typer.Option(help="The run of the kit, if it moved.", show_default="the folder of the run")
    ] = None,
    as_json: cli.Json = False,
) -> None:
    """Import the results of a measuring kit into its device's table, or into the run that it was made for."""
    from nas.latency.kit_results import import_kit

    with _terminal(as_json) as display:
        results = import_kit(folder)
        card = None
        if "run" in results.note:
            _import_run(results, run, display)
        else:
            card = _import_table(results, folder, display, as_json)
        if results.noise.too_much:
            device = results.table.fingerprint["device"]
            display.say(f"warning: {device} was too noisy while it measured: {results.noise}")
        if as_json:
            _print(_kit_facts(results, card))


def _import_run(results: KitResults, run: Path | None, display: Terminal) -> None:
    """Write measured finalists into their run, and its report anew."""
    from nas.reports.study_summary import write_study
    from nas.reports.writing import write_report
    from nas.runs.offline_finalists import import_finalists

    folder = import_finalists(results, run)
    write_report(folder)
    write_study(folder)
    device = results.table.fingerprint["device"]
    display.say(f"{folder / 'pareto.csv'} and {folder / 'report.html'}: measured on {device}")


def _import_table(results: KitResults, folder: Path, display: Terminal, as_json: bool) -> ReportCard | None:
    """Show what a kit added to its table, and make the report card if the kit is complete."""
    from nas.latency.hints import kit_hint
    from nas.latency.space_kit import card_of_kit
    from nas.reports.report_card import write_card

    table, imgsz = results.table, results.imgsz
    if not len(table):
        held = table.fingerprint
        problem = (
            f"contains only complete models, because a table of {held['device']} had all rows; there is none for "
            f"{held['runtime']} {held['version']}: was the runtime changed there, or the table removed?"
        )
        hint = kit_hint(held, "--imgsz", str(imgsz), "--rebuild")
        raise TableError(problem, file=folder, hint=hint)
    display.say(f"{table.path}: {len(table)} entries")
    if table.calibrated(imgsz):
        display.say(_calibration(table, imgsz))
    if results.lacking:
        display.say(f"not measured yet: {results.lacking}; run measure.py there again, then this command")
    elif "space" in results.note:
        card = card_of_kit(results)
        _show_card(card, display, as_json, print_json=False)
        display.say(f"report card in {write_card(table, card)}")
        return card
    else:
        for model, turns in results.models:
            ms = " and ".join(f"{turn.ms:.3f} ± {turn.spread_ms:.3f}" for turn in turns)
            display.say(f"{model.name}: {ms} ms, measured {len(turns)} time(s)")
    return None


def _kit_facts(results: KitResults, card: ReportCard | None) -> dict[str, Any]:
    return {
        "table": str(results.table.path),
        "entries": len(results.table),
        "lacking": results.lacking,
        "noise": results.noise._asdict(),
        "models": [
            {"model": m.model.name, "measured": [turn._asdict() for turn in m.measured]} for m in results.models
        ],
        "card": card and card.facts(),
    }


def _check_other_device(device: str) -> None:
    """Refuse a missing name, and a device of this machine."""
    from nas.latency.devices import check_name, is_local

    if not device:
        hint = "give a name of your choice, such as `device=pi5`"
        raise ConfigError("is missing: a kit is for another device", field="device", hint=hint)
    if is_local(device):
        hint = "name the other device, such as `device=pi5`; python -m nas.latency build measures this machine"
        raise ConfigError("a kit is for a device that is not this machine", field="device", value=device, hint=hint)
    check_name(device)


def _spaces(names: Sequence[str] | None) -> list[Space]:
    from nas.spaces.space import DEFAULT_SPACE, load_space

    return [load_space(name) for name in dict.fromkeys(names or [DEFAULT_SPACE])]


def _others(models: Sequence[str] | None, imgsz: int, nc: int | None, display: Terminal) -> list[Model]:
    """The models of a command line, on images of one size."""
    from nas.latency.models import Model
    from nas.spaces.models import load_detector, size_of

    for model in models or ():
        size_of(model, imgsz, imgsz)  # refuses an architecture with another image size
    return [Model(model, "other", load_detector(model, nc, imgsz, display.say)) for model in models or ()]


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
        _print({"models": rows, "table": str(_file(table)), "forced": table.forced})
    else:
        shown = Table(box=SIMPLE, pad_edge=False)
        for heading in ("model", "px", "latency\nms", "rows\nms", "overhead\nms"):
            shown.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
        for model, size, prediction in zip(models, sizes, predictions, strict=True):
            figures = (prediction.total_ms, sum(prediction.rows), table.header.overhead_ms)
            shown.add_row(Text(model.name), str(size), *(f"{ms:.3f}" for ms in figures))
        _show(shown, display.console)
        for size in dict.fromkeys(sizes):
            display.say(f"{_file(table)}; {_calibration(table, size)}")
        if table.forced:
            display.say(forced_warning(table.forced))
    if warning := noise_warning(table):
        display.say(warning)


def _show_card(card: ReportCard, display: Terminal, as_json: bool, print_json: bool = True) -> None:
    from nas.latency.notices import forced_warning
    from nas.reports.report_card import card_tables

    if not as_json:
        for shown in card_tables(card):
            _show(shown, display.console)
    elif print_json:
        _print(card.facts())
    display.say(card.verdict)
    if card.forced:
        display.say(forced_warning(card.forced))


def _calibration(table: LatencyTable, imgsz: int) -> str:
    """One line about the calibration at an image size."""
    fit = table.header.calibrations[str(imgsz)]
    fitted = f"fitted on {fit.n} models, largest error {fit.worst:.1%}"
    return f"calibration at {imgsz} px: factor {fit.factor:.3f}, {fitted}"


def _file(table: LatencyTable) -> Path:
    """The file that a table was read from."""
    return table.source or table.path


@contextmanager
def _terminal(as_json: bool = False) -> Iterator[Terminal]:
    """The terminal; messages go to standard error beside JSON."""
    from rich.console import Console

    from nas.terminal import Terminal

    with Terminal(Console(stderr=as_json, soft_wrap=True, highlight=False)) as display:
        yield display


def _print(content: dict[str, Any]) -> None:
    json.dump(content, sys.stdout, indent=2)
    print()


def _show(shown: Table, console: Console) -> None:
    """Print a table at the width that it needs, also in a narrower terminal, a file or a pipe."""
    from rich.measure import Measurement

    wanted = Measurement.get(console, console.options.update(max_width=10_000), shown).maximum
    console.width = max(console.width, wanted)
    console.print(shown)


if __name__ == "__main__":
    cli.run(app)
