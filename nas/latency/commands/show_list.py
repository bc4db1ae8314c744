"""``list``: the tables that there are."""

from __future__ import annotations

from itertools import chain
from typing import Annotated

import typer

from nas import cli
from nas.latency.commands.output import print_json, terminal


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
        print_json({"tables": [listed.facts() for listed in found]})
        return
    with terminal() as display:
        if not found:
            display.say("no such table; python -m nas.latency build makes the one of this device")
        for line in chain.from_iterable(listed.lines() for listed in found):
            display.say(line)
