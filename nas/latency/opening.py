"""Opening a latency table: to predict with it, or to measure for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nas.errors import TableError
from nas.files import shipped, tables_home
from nas.latency.builder import TableBuilder
from nas.latency.devices import is_local
from nas.latency.errors import AbsentDeviceError, DamagedTableError, RefusedTableError
from nas.latency.fingerprint import Identity, digest, file_name, identity
from nas.latency.hints import differences, kit_hint, rebuild_hint
from nas.latency.reference import bench as new_bench
from nas.latency.reference import misfit
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.registry import choose
from nas.latency.store import is_foreign, load_header
from nas.latency.table import LatencyTable
from nas.latency.table_file import TableFile, reloaded
from nas.plurals import counted


def open_table(
    device: str = "cpu",
    runtime: str = "auto",
    threads: int = 1,
    precision: str = "float32",
    path: Path | None = None,
    force: bool = False,
) -> LatencyTable:
    """Open the table of a device.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N`` of this machine, or the name of a device whose table was imported.
        runtime: ``auto``, a name in `nas.latency.runtimes.registry.RUNTIMES`, or ``module:Class``.
        threads: Threads of the runtime.
        precision: ``float32`` or ``float16``.
        path: The CSV; by default it is looked up in the user's folder, then among the shipped tables.
        force: Accepts a table that does not fit this device.

    Returns:
        The table; empty if nothing was measured for this device yet.

    Raises:
        TableError: An option cannot be used.
        RefusedTableError: The table is damaged, or does not fit this device.
        AbsentDeviceError: The device is not this machine, and no table of it was imported.
    """
    if is_local(device):
        return open_builder(device, runtime, threads, precision, path, force=force).table
    _check_path(path)
    table = find_table(device, runtime, threads, path)
    held = table.fingerprint["precision"]
    if held != precision:
        problem = f"{table.path} is a table for {held}"
        raise TableError(problem, field="precision", value=precision, hint=f"give `precision={held}`")
    return table


def open_builder(
    device: str = "cpu",
    runtime: str = "auto",
    threads: int = 1,
    precision: str = "float32",
    path: Path | None = None,
    rebuild: bool = False,
    force: bool = False,
) -> TableBuilder:
    """Open the table of a device of this machine, to measure for it.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        runtime: As for `open_table`.
        threads: Threads of the runtime.
        precision: ``float32`` or ``float16``.
        path: The CSV; by default as for `open_table`. New entries go to the user's folder.
        rebuild: Drops the entries of the file as soon as something is measured.
        force: Accepts a table that does not fit this device. Nothing is measured for it then.

    Raises:
        TableError: An option cannot be used.
        RefusedTableError: The table is damaged, or does not fit this device.
        AbsentDeviceError: The device is not this machine.
    """
    _check_path(path)
    if not is_local(device):
        known = {"device": device, "runtime": runtime, "threads": threads}
        hint = kit_hint(known, *(["--rebuild"] if rebuild else []))
        problem = "is not this machine, so nothing can be measured"
        raise AbsentDeviceError(problem, field="device", value=device, hint=hint)
    return builder_for(choose_here(runtime, device, threads, precision), path, rebuild, force)


def choose_here(runtime: str, device: str, threads: int, precision: str) -> Runtime:
    """The runtime to measure with on this machine; arguments as for `nas.latency.runtimes.registry.choose`.

    Raises:
        TableError: As for that function, or the machine has fewer cores than ``threads``.
    """
    chosen = choose(runtime, device, threads, precision)
    cores = len(os.sched_getaffinity(0))
    if chosen.timed and threads > cores:
        problem = f"this machine has {counted(cores, 'core')}; more threads wait for each other"
        raise TableError(problem, field="threads", value=threads, hint=f"give {cores} or fewer")
    return chosen


def builder_for(runtime: Runtime, path: Path | None = None, rebuild: bool = False, force: bool = False) -> TableBuilder:
    """The builder for a runtime; the other arguments and the errors are those of `open_builder`."""
    fingerprint = identity(runtime)
    name = file_name(fingerprint)
    table = LatencyTable(path or tables_home() / name, fingerprint)
    if rebuild:
        return TableBuilder(runtime, TableFile(table, drop=True))
    sources = [table.path] if path is not None else [table.path, shipped("latency_tables") / name]
    source = next((file for file in sources if file.exists()), None)
    if source is None:
        return TableBuilder(runtime, TableFile(table))
    table = reloaded(table, source, path)
    problem, bench = differences(table.header.identity, fingerprint), None
    if not problem:
        bench = new_bench(runtime, table.header.reference_ms / 1e3)
        problem = misfit(bench)
    if problem and not force:
        hint = f"{rebuild_hint(fingerprint, path)}; or accept it with `force`"
        raise RefusedTableError(problem, file=source, hint=hint)
    forced = f"{source}: {problem}" if problem else ""
    return TableBuilder(runtime, TableFile(replace(table, forced=forced)), bench)


def find_table(device: str, runtime: str, threads: int, path: Path | None = None) -> LatencyTable:
    """Find the table of a device that is not this machine.

    Args:
        device: The device's name.
        runtime: The runtime's name; ``auto`` for any.
        threads: Threads of the runtime.
        path: The CSV; by default, the user's folder and the shipped tables are searched.

    Raises:
        AbsentDeviceError: There is no such table.
        TableError: Several tables fit.
        RefusedTableError: The table is damaged.
    """

    def fits(held: Identity) -> bool:
        return held["device"] == device and held["threads"] == threads and runtime in {"auto", held["runtime"]}

    found = _matching(fits, path)
    if not found:
        there_is_none = f"there is no table of it for the runtime {runtime} and {counted(threads, 'thread')}"
        problem = f"is not this machine, and {there_is_none}"
        hint = kit_hint({"device": device, "runtime": runtime, "threads": threads})
        raise AbsentDeviceError(problem, field="device", value=device, hint=hint)
    if len(found) > 1:
        names = ", ".join(str(file) for file, _ in found)
        raise TableError("several tables fit", field="device", value=device, hint=f"give one as `table`: {names}")
    ((file, held),) = found
    return reloaded(LatencyTable(path or tables_home() / file.name, held, local=False), file, file)


def read_table(path: Path) -> LatencyTable:
    """Read a table from its CSV, without checking that it fits this machine. It only predicts.

    Raises:
        DamagedTableError: The header is damaged.
        RefusedTableError: The entries are damaged.
    """
    return reloaded(LatencyTable(path, load_header(path).identity, local=False), path, path)


def _matching(fits: Callable[[Identity], bool], path: Path | None) -> list[tuple[Path, Identity]]:
    """Files of the tables that fit; the user's come before the shipped ones."""
    folders = (tables_home(), shipped("latency_tables"))
    files = [path] if path is not None else [file for folder in folders for file in sorted(folder.glob("*.csv"))]
    found: dict[str, tuple[Path, Identity]] = {}
    damaged: list[DamagedTableError] = []
    for file in files:
        try:
            held = load_header(file).identity
        except DamagedTableError as error:
            damaged.append(error)
            continue
        if fits(held):
            found.setdefault(digest(held), (file, held))
    if not found and damaged:
        damaged[0].hint = "restore the file, or remove the table"
        raise damaged[0]
    return list(found.values())


def _check_path(path: Path | None) -> None:
    if path is None:
        return
    if path.suffix != ".csv":
        problem, hint = "must end in .csv", "the .json beside it belongs to it"
        raise TableError(problem, field="table", value=path, hint=hint)
    if is_foreign(path):
        problem = "this file, or the .json beside it, belongs to something else"
        raise TableError(problem, field="table", value=path, hint="give another path")
