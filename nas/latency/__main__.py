"""``python -m nas.latency build|check|predict|list|bundle|import``: the latency table of a device."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.detectors.costs import cost
from nas.errors import InputError
from nas.files import shipped
from nas.latency.accuracy import Card, Model, card_from, card_models, load_card, report_card
from nas.latency.hints import kit_command, latency_command
from nas.latency.kit import Unpacked, bundle, unpack
from nas.latency.listing import list_tables
from nas.latency.notices import forced_warning, noise_warning
from nas.latency.opening import check_name, is_here, open_table
from nas.latency.store import Calibration
from nas.latency.table import LatencyTable
from nas.reports.report_card import card_tables, write_card
from nas.reports.study_summary import write_study
from nas.reports.writing import write_report
from nas.runs.offline_finalists import bundle_finalists, import_finalists
from nas.spaces.models import load_detector, size_of
from nas.spaces.space import DEFAULT_SPACE, load_space
from nas.terminal import Terminal

app = typer.Typer(add_completion=False, help="Build, check, read and carry the latency table of a device.")

CLASSES = 80
SIZE = 320
HELD_OUT = 40

Size = Annotated[int, typer.Option(help="Image size in pixels, a multiple of 32.")]
OwnClasses = Annotated[int | None, typer.Option(help="Classes.", show_default=f"each YAML's; {CLASSES} else")]


@app.command()
def build(
    space: Annotated[
        list[str] | None,
        typer.Option(help="Search space, a shipped name or a .yaml file; may be repeated.", show_default=DEFAULT_SPACE),
    ] = None,
    imgsz: Annotated[
        list[int] | None,
        typer.Option(help="Image size in pixels, a multiple of 32; may be repeated.", show_default=str(SIZE)),
    ] = None,
    nc: Annotated[int, typer.Option(help="Classes: the head's rows depend on them.")] = CLASSES,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Drop what the table holds and measure it anew.")] = False,
    device: cli.Device = "cpu",
    runtime: cli.Runtime = "auto",
    threads: cli.Threads = 1,
    precision: cli.Precision = "float32",
    table_file: cli.TableFile = None,
) -> None:
    """Measure what the table of this device lacks for search spaces. Stopped, it goes on where it was."""
    check_nc(nc)
    sizes = list(dict.fromkeys(imgsz or [SIZE]))
    for size in sizes:
        check_imgsz(size)
    spaces = [load_space(name) for name in dict.fromkeys(space or [DEFAULT_SPACE])]
    table = open_table(device, runtime, threads, precision, table_file, rebuild)
    if not table.here:
        kit = kit_command(table.fingerprint, "--imgsz", str(sizes[0]), "--nc", str(nc))
        raise InputError(f"--device {device}: not this machine, so nothing can be measured; {kit}")
    start, before = perf_counter(), len(table)
    with Terminal() as display:
        try:
            for size in sizes:
                for searched in spaces:
                    with display.bar(f"rows of {searched.name} at {size} px") as progress:
                        table.ensure(searched.rows(nc, size), progress)
                with display.bar(f"whole models at {size} px") as progress:
                    table.calibrate(spaces[0].calibration(nc), size, progress)
        except KeyboardInterrupt:
            again = "the same command without --rebuild" if rebuild else "the same command"
            display.say(f"interrupted; what was measured is kept, and {again} goes on from there")
            raise
        for size in sizes:
            display.say(_fitted(table.header.calibrations[str(size)], size))
        display.say(
            f"{_file(table)}: {len(table)} entries, {len(table) - before} of them new, in {perf_counter() - start:.0f} "
            f"seconds; {table.header.noise}"
        )
        if warning := noise_warning(table):
            display.say(warning)


@app.command()
def predict(
    models: Annotated[
        list[str], typer.Argument(help="Model YAMLs of Ultralytics, YOLOv5 or YOLOv9, or architecture strings.")
    ],
    imgsz: Annotated[
        int | None,
        typer.Option(help="Image size in pixels, a multiple of 32.", show_default=f"the model's own; else {SIZE}"),
    ] = None,
    nc: OwnClasses = None,
    device: cli.Device = "cpu",
    runtime: cli.Runtime = "auto",
    threads: cli.Threads = 1,
    precision: cli.Precision = "float32",
    table_file: cli.TableFile = None,
    force: cli.Force = False,
    as_json: cli.Json = False,
) -> None:
    """Latency in ms of one image, for any models. What the table lacks is measured, where its device is here."""
    check_nc(nc)
    sizes = [size_of(model, imgsz, SIZE) for model in models]
    for size in sizes:
        check_imgsz(size)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    with Terminal(console) as display:
        read = zip(models, sizes, strict=True)
        asked = [Model(model, "other", load_detector(model, nc, size, display.say), size) for model, size in read]
        table = open_table(device, runtime, threads, precision, table_file, force=force)
        for size in dict.fromkeys(sizes):
            _complete(table, [model for model in asked if model.imgsz == size], size, display)
        predictions = [table.predict(model.detector, size) for model, size in zip(asked, sizes, strict=True)]
        overhead = table.header.overhead_ms
        if as_json:
            rows: list[dict[str, Any]] = []
            for model, size, prediction in zip(asked, sizes, predictions, strict=True):
                params, macs, *_ = cost(model.detector, size)
                facts = {"model": model.name, "imgsz": size, "latency_ms": prediction.total_ms}
                rows.append({**facts, "params": params, "macs": macs})
            _print({"models": rows, "table": str(_file(table)), "forced": table.forced})
        else:
            shown = Table(box=SIMPLE, pad_edge=False)
            for heading in ("model", "px", "latency\nms", "rows\nms", "overhead\nms"):
                shown.add_column(heading, justify="left" if heading == "model" else "right", no_wrap=True)
            for model, size, prediction in zip(asked, sizes, predictions, strict=True):
                figures = (prediction.total_ms, sum(prediction.rows), overhead)
                shown.add_row(Text(model.name), str(size), *(f"{ms:.3f}" for ms in figures))
            _show(shown, console)
            for size in dict.fromkeys(sizes):
                display.say(f"{_file(table)}; {_fitted(table.header.calibrations[str(size)], size)}")
            if table.forced:
                display.say(forced_warning(table.forced))
        if warning := noise_warning(table):
            display.say(warning)


@app.command()
def check(
    models: Annotated[
        list[str] | None, typer.Argument(help="Model YAMLs or architecture strings to measure beside the others.")
    ] = None,
    imgsz: Size = SIZE,
    space: Annotated[str, typer.Option(help="Search space, a shipped name or a .yaml file.")] = DEFAULT_SPACE,
    count: Annotated[
        int, typer.Option("--models", min=1, help="Random members to measure, none of which the table was fitted on.")
    ] = HELD_OUT,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random members.")] = 0,
    nc: OwnClasses = None,
    device: cli.Device = "cpu",
    runtime: cli.Runtime = "auto",
    threads: cli.Threads = 1,
    precision: cli.Precision = "float32",
    table_file: cli.TableFile = None,
    force: cli.Force = False,
    as_json: cli.Json = False,
) -> None:
    """The report card: whole models, predicted by the table and then measured, twice. Written beside the table.

    Of a device that is not here, and of a table taken by --force, it is the card that was made last.
    """
    check_imgsz(imgsz)
    check_nc(nc)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    with Terminal(console) as display:
        others = _others(models, imgsz, nc, display)
        searched, classes = load_space(space), nc or CLASSES
        # A table that another command had to calibrate on its way was fitted on the default space.
        fitted = [*searched.calibration(classes), *load_space(DEFAULT_SPACE).calibration(classes)]
        table = open_table(device, runtime, threads, precision, table_file, force=force)
        if table.here:
            chosen = card_models(searched, count, seed, classes, fitted, others)
            _complete(table, chosen, imgsz, display)
            card = report_card(table, chosen, imgsz, display.bar, searched.name, seed)
            written = write_card(table, card)
        elif others:
            raise InputError(f"{others[0].name}: cannot be measured: {_mend(table, others, imgsz)}")
        else:
            card, written = replace(load_card(table, imgsz), forced=table.forced), None
        if as_json:
            _print(card.facts())
        else:
            for shown in card_tables(card):
                _show(shown, console)
        display.say(card.verdict)
        if written is not None:
            display.say(f"report card in {written} and {written.with_suffix('.png').name}")
        if card.forced:
            display.say(forced_warning(card.forced))


@app.command("list")
def show_list(
    device: Annotated[str | None, typer.Option(help="Only tables of this device.")] = None,
    runtime: Annotated[str | None, typer.Option(help="Only tables of this runtime.")] = None,
    threads: Annotated[int | None, typer.Option(help="Only tables of so many threads.")] = None,
    imgsz: Annotated[int | None, typer.Option(help="Only tables that predict at this image size in pixels.")] = None,
    as_json: cli.Json = False,
) -> None:
    """The tables in your folder and those that are shipped, with the figures of their last report cards."""
    found = [listed for listed in list_tables() if listed.damaged or listed.fits(device, runtime, threads, imgsz)]
    if as_json:
        _print({"tables": [listed.facts() for listed in found]})
        return
    console = Console(soft_wrap=True, highlight=False)
    if not found:
        console.print("no such table; python -m nas.latency build makes that of this device", markup=False)
    for line in chain.from_iterable(listed.lines() for listed in found):
        console.print(line, markup=False)


@app.command("bundle")
def make_kit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the kit is written: a new folder.")],
    models: Annotated[
        list[str] | None, typer.Argument(help="Model YAMLs or architecture strings to measure whole as well.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Measure the finalists of this run, for its device and size.")
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(help="Search space, a shipped name or a .yaml file; may be repeated.", show_default=DEFAULT_SPACE),
    ] = None,
    imgsz: Size = SIZE,
    nc: OwnClasses = None,
    count: Annotated[
        int, typer.Option("--models", min=0, help="Random members to check the table with; 0: no check.")
    ] = HELD_OUT,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random members.")] = 0,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Leave out nothing that the device's table holds: it is measured anew.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="A name of your choice for the device, such as pi5.")] = None,
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime or openvino: what you deploy with there.")] = "auto",
    threads: cli.Threads = 1,
) -> None:
    """Write a measuring kit for a device that is not here; its README.txt says what to do there. It holds what that
    device's table lacks of the search spaces, models to check the table with, and yours."""
    with Terminal() as display:
        if run is not None:
            if device or models or space or rebuild:
                mend = "drop --device, --space, --rebuild and the models"
                raise InputError(f"--run: a run brings its device and models; {mend}")
            with display.bar("finalists of the run") as progress:
                bundle_finalists(run, folder, progress)
        else:
            check_imgsz(imgsz)
            check_nc(nc)
            if device is None or is_here(device):
                mend = "name the other device, such as --device pi5; python -m nas.latency build is for this machine"
                raise InputError(f"--device {device or 'is missing'}: a kit is for a device that is not here; {mend}")
            check_name(device)
            spaces, classes = [load_space(name) for name in dict.fromkeys(space or [DEFAULT_SPACE])], nc or CLASSES
            fitted = spaces[0].calibration(classes)
            others = _others(models, imgsz, nc, display)
            checks = card_models(spaces[0], count, seed, classes, fitted, others) if count else others
            wholes = [*fitted, *(model.detector for model in checks)]
            rows = chain(
                *(searched.rows(classes, imgsz) for searched in spaces),
                *(detector.resolve(imgsz) for detector in wholes),
            )
            note = {"space": spaces[0].name, "seed": seed} if count else {}
            with display.bar(f"kit for {device}") as progress:
                bundle(
                    folder, device, runtime, threads, rows, fitted, checks, imgsz, progress, note=note, rebuild=rebuild
                )
        display.say((folder / "README.txt").read_text(encoding="utf-8"))
        size = sum(file.stat().st_size for file in folder.iterdir())
        display.say(f"{folder}: {size / 1e6:.0f} MB")


@app.command("import")
def take_kit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The kit's folder, copied back from the device.")],
    run: Annotated[Path | None, typer.Option(help="Where the kit's run lies now.", show_default="where it was")] = None,
    as_json: cli.Json = False,
) -> None:
    """Take what a measuring kit measured into its device's table or, where it was made of a run, into that run."""
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    with Terminal(console) as display:
        unpacked = unpack(folder)
        table, imgsz, note = unpacked.table, unpacked.imgsz, unpacked.note
        card = None
        if "run" in note:
            taken = import_finalists(unpacked, run)
            write_report(taken)
            write_study(taken)
            display.say(
                f"{taken / 'pareto.csv'} and {taken / 'report.html'}: measured on {table.fingerprint['device']}"
            )
        elif not len(table):
            of = table.fingerprint
            raise InputError(
                f"{folder}: holds whole models alone, since a table of {of['device']} had all of the rows; there is "
                f"none for {of['runtime']} {of['version']}: was the runtime changed there, or the table removed? "
                f"{kit_command(of, '--imgsz', str(imgsz), '--rebuild')}"
            )
        else:
            calibrated = str(imgsz) in table.header.calibrations
            display.say(f"{table.path}: {len(table)} entries")
            if calibrated:
                display.say(_fitted(table.header.calibrations[str(imgsz)], imgsz))
            if unpacked.lacking:
                display.say(f"not measured yet: {unpacked.lacking}; run measure.py there again, then this command")
            elif "space" in note:
                card = _carried_card(unpacked)
                if not as_json:
                    for shown in card_tables(card):
                        _show(shown, console)
                display.say(card.verdict)
                display.say(f"report card in {write_card(table, card)}")
            else:
                for model, turns in unpacked.models:
                    ms = " and ".join(f"{turn.ms:.3f} ± {turn.spread_ms:.3f}" for turn in turns)
                    display.say(f"{model.name}: {ms} ms, measured {len(turns)} time(s)")
        if unpacked.noise.too_much:
            display.say(f"warning: {table.fingerprint['device']} was too noisy while it measured: {unpacked.noise}")
        if as_json:
            models = [
                {"model": m.model.name, "measured": [turn._asdict() for turn in m.measured]} for m in unpacked.models
            ]
            _print(
                {
                    "table": str(table.path),
                    "entries": len(table),
                    "lacking": unpacked.lacking,
                    "noise": unpacked.noise._asdict(),
                    "models": models,
                    "card": card and card.facts(),
                }
            )


def _carried_card(unpacked: Unpacked) -> Card:
    """The report card of what a kit measured twice."""
    table, models = unpacked.table, [m.model for m in unpacked.models]
    if missing := table.missing(row for model in models for row in model.detector.resolve(unpacked.imgsz)):
        raise InputError(
            f"{table.path}: lacks {len(missing)} entries that the kit's maker had in another table; was the runtime "
            f"changed on the device? {kit_command(table.fingerprint, '--imgsz', str(unpacked.imgsz), '--rebuild')}"
        )
    first, second = ([m.measured[turn] for m in unpacked.models] for turn in range(2))
    return card_from(table, models, unpacked.imgsz, first, second, unpacked.noise, **unpacked.note)


def _others(models: Sequence[str] | None, imgsz: int, nc: int | None, display: Terminal) -> list[Model]:
    """The models that a command names beside those of a space, on images of one size."""
    for model in models or ():
        size_of(model, imgsz, imgsz)  # refuses an architecture that names another one
    return [Model(model, "other", load_detector(model, nc, imgsz, display.say)) for model in models or ()]


def _complete(table: LatencyTable, models: Sequence[Model], imgsz: int, display: Terminal) -> None:
    """Measure what the table lacks to predict these; raises InputError that lists it where nothing can be measured."""
    rows = [row for model in models for row in model.detector.resolve(imgsz)]
    missing = [str(key) for key in table.missing(rows)]
    calibrated = len(table) > 0 and str(imgsz) in table.header.calibrations
    if not table.here and (missing or not calibrated):
        lacks = [] if calibrated else [f"a calibration at {imgsz} pixels"]
        if missing:
            lacks.append(f"{len(missing)} entries: {'; '.join(missing)}")
        raise InputError(f"{table.path}: lacks {' and '.join(lacks)}; {_mend(table, models, imgsz)}")
    if missing:
        with display.bar(f"{len(missing)} entries that the table lacks") as progress:
            table.ensure(rows, progress)
    if not calibrated:
        # On the same models as `build` takes: the factor stays in the table, so it must not hang on what is asked here.
        members = load_space(DEFAULT_SPACE).calibration(CLASSES)
        with display.bar(f"rows of {len(members)} members of {DEFAULT_SPACE}, to calibrate at {imgsz} px") as progress:
            table.ensure([row for member in members for row in member.resolve(imgsz)], progress)
        with display.bar(f"these {len(members)} models, measured whole") as progress:
            table.calibrate(members, imgsz, progress)


def _mend(table: LatencyTable, models: Sequence[Model], imgsz: int) -> str:
    """How to get what a table lacks that cannot measure."""
    words = [*(model.name for model in models), "--imgsz", str(imgsz)]
    if len(classes := {model.detector.nc for model in models}) == 1:
        words += ["--nc", str(*classes)]
    if not table.forced:
        return kit_command(table.fingerprint, *words)
    command = latency_command("predict", *words, of=table.fingerprint)
    return f"nothing is measured for a table taken by --force ({table.forced}); {command} takes this device's own"


def _fitted(fit: Calibration, imgsz: int) -> str:
    """What the factor of an image size rests on."""
    return (
        f"at {imgsz} px the rows' sum is taken times {fit.factor:.3f}, fitted on {fit.n} whole models of a search "
        f"space, none of them more than {fit.worst:.1%} off"
    )


def _file(table: LatencyTable) -> Path:
    """The file that a table was read from: a shipped one lies at home only once something was added."""
    return table.path if table.path.exists() else shipped("latency_tables") / table.path.name


def _print(content: dict[str, Any]) -> None:
    json.dump(content, sys.stdout, indent=2)
    print()


def _show(shown: Table, console: Console) -> None:
    """A table at the width that it needs, into a narrower terminal, a file or a pipe too."""
    wanted = Measurement.get(console, console.options.update(max_width=10_000), shown).maximum
    console.width = max(console.width, wanted)
    console.print(shown)


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
