"""``bundle``: write a measuring kit for another device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.config import check_imgsz, check_nc
from nas.errors import ConfigError
from nas.latency.commands.arguments import read_models, read_spaces
from nas.latency.commands.options import (
    CLASSES,
    HELD_OUT,
    SIZE,
    OwnClasses,
    Seed,
    Size,
    Spaces,
    TableOptions,
    with_table,
)
from nas.latency.commands.output import terminal


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
    with terminal() as display:
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

            others = read_models(models, imgsz, nc, display)
            contents = kit_contents(read_spaces(space), imgsz, nc or CLASSES, count, seed, others)
            with display.bar(f"kit for {device}") as progress:
                write_kit(folder, KitSpec(device, runtime, table.threads, rebuild=rebuild, **contents), progress)
        display.say((folder / "README.txt").read_text(encoding="utf-8"))
        size = sum(file.stat().st_size for file in folder.iterdir())
        display.say(f"{folder}: {size / 1e6:.0f} MB")


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
