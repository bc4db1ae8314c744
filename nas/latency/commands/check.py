"""``check``: the report card of a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from nas import cli
from nas.config import check_imgsz, check_nc
from nas.errors import TableError
from nas.latency.commands.arguments import read_models
from nas.latency.commands.options import CLASSES, HELD_OUT, SIZE, OwnClasses, Seed, Size, TableOptions, with_table
from nas.latency.commands.output import print_json, show_card, terminal


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

    with terminal(as_json) as display:
        others = read_models(models, imgsz, nc, display)
        searched, classes = load_space(space or DEFAULT_SPACE), nc or CLASSES
        opened, builder = table.open()
        if builder is not None:
            # Another command may have calibrated the table on the default space.
            fitted = [*searched.calibration(classes), *load_space(DEFAULT_SPACE).calibration(classes)]
            chosen = held_out_models(searched, count, seed, classes, fitted, others)
            complete_table(builder, chosen, imgsz, display.bar)
            card = check_table(builder, chosen, imgsz, display.bar, searched.name, seed)
            written = write_card(builder.table, card)
            place = f"report card in {written} and {written.with_suffix('.png').name}"
        elif others:
            hint = measuring_hint(opened, others, imgsz)
            raise TableError("cannot be measured", file=others[0].name, hint=hint)
        else:
            card, place = replace(load_card(opened, imgsz), forced=opened.forced), ""
        show_card(card, display, as_json)
        if place:
            display.say(place)
        if as_json:
            print_json(card.facts())
