"""The table that the options of a command name."""

from __future__ import annotations

import re
from pathlib import Path

from nas.errors import InputError
from nas.latency.hints import kit_command
from nas.latency.runtimes.registry import choose
from nas.latency.store import is_foreign
from nas.latency.table import LatencyTable


class RefusedTableError(InputError):
    """This device's table is there and was refused: damaged, or it does not fit."""


def is_here(device: str) -> bool:
    """Whether ``--device`` means this machine."""
    return re.fullmatch(r"cpu|cuda(:\d+)?", device) is not None


def check_name(device: str) -> None:
    """Raise InputError for what no device that is not here may be called: its table's file is named after it."""
    if is_here(device) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", device):
        raise InputError(f"--device {device}: give a name of letters, digits, dots and dashes, other than cpu and cuda")


def open_table(
    device: str = "cpu",
    runtime: str = "auto",
    threads: int = 1,
    precision: str = "float32",
    path: Path | None = None,
    rebuild: bool = False,
    force: bool = False,
) -> LatencyTable:
    """The table of ``--device``: cpu, cuda and cuda:N are this machine; any other name is a device whose table was
    brought home (`LatencyTable.find`), and what that table lacks cannot be measured here.

    Raises InputError for an option that cannot be met, RefusedTableError for a table of this device that is refused.
    """
    if path is not None and path.suffix != ".csv":
        raise InputError(f"--table {path}: must end in .csv; the .json beside it goes with it")
    if path is not None and is_foreign(path):
        raise InputError(f"--table {path}: this file, or the .json beside it, is of something else; give another path")
    if is_here(device):
        chosen = choose(runtime, device, threads, precision)
        try:
            return LatencyTable.open(chosen, path, rebuild, force)
        except InputError as error:
            raise RefusedTableError(str(error)) from None
    if rebuild:
        kit = kit_command({"device": device, "runtime": runtime, "threads": threads}, "--rebuild")
        raise InputError(f"--device {device}: not this machine, so nothing is measured anew; {kit}")
    table = LatencyTable.find(device, runtime, threads, path)
    held = table.fingerprint["precision"]
    if held != precision:
        raise InputError(f"--precision {precision}: {table.path} is of {held}; give --precision {held}")
    return table
