"""``build``: measure the table of this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.config import check_imgsz, check_nc
from nas.latency.commands.arguments import read_spaces
from nas.latency.commands.options import CLASSES, SIZE, Sizes, Spaces, TableOptions, with_table
from nas.latency.commands.output import calibration_line, file_of, terminal


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
    spaces = read_spaces(space)
    from nas.latency.completion import build_table
    from nas.latency.errors import AbsentDeviceError
    from nas.latency.hints import command_words, kit_hint
    from nas.latency.notices import noise_warning

    try:
        builder = table.builder(rebuild)
    except AbsentDeviceError as error:
        known = {"device": table.device, "runtime": table.runtime, "threads": table.threads}
        words = [*command_words(spaces, sizes[:1], nc)[1:], *(["--rebuild"] if rebuild else [])]
        error.hint = kit_hint(known, *words)
        raise
    with terminal() as display:
        try:
            built = build_table(builder, spaces, sizes, nc, display.bar)
        except KeyboardInterrupt:
            again = "the same command without --rebuild" if rebuild else "the same command"
            display.say(f"interrupted; finished measurements are saved, and {again} continues from there")
            raise
        for size in sizes:
            display.say(calibration_line(builder.table, size))
        display.say(
            f"{file_of(builder.table)}: {len(builder.table)} entries, {built.entries} of them new, in "
            f"{built.seconds:.0f} seconds; {builder.table.header.noise}"
        )
        rows = (row for part in spaces for size in sizes for row in part.rows(nc, size))
        if warning := noise_warning(builder.table, rows, *command_words(spaces, sizes, nc)):
            display.say(warning)
