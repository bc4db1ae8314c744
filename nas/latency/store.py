"""Files of a latency table: entries as CSV, and the header as JSON beside it. Damaged files are refused."""

from __future__ import annotations

import csv
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from reprlib import repr as shortened

from nas.files import write
from nas.latency.entries import Key
from nas.latency.errors import DamagedTableError
from nas.latency.header import FIELDS, Header, parse_header
from nas.latency.runtimes.measure import Measurement

COLUMNS = [*Key._fields, *Measurement._fields, "check"]
VERSION = 1

Entries = dict[Key, Measurement]


def save(path: Path, header: Header, entries: Mapping[Key, Measurement]) -> None:
    """Write both files, each completely or not at all.

    The entries come last, because a table exists when its CSV does. A process that is killed between the two also
    leaves the older JSON, which fits the older entries.

    Args:
        path: The CSV.
        header: The header.
        entries: The entries.
    """
    beside, older = path.with_suffix(".json"), _older(path)
    if beside.exists():
        write(older, beside.read_text(encoding="utf-8"))
    content = {"format": VERSION, **asdict(header)}
    write(beside, json.dumps({**content, "check": _check(content)}, indent=2) + "\n")
    seal = _seal(header)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for key, value in entries.items():
        cells = [str(cell) for cell in (*key, *value)]
        rows.writerow([*cells, _check([seal, *cells])])
    write(path, text.getvalue())
    older.unlink(missing_ok=True)


def load(path: Path) -> tuple[Header, Entries]:
    """Read both files and check every field.

    Raises:
        DamagedTableError: With the file and the line or field that is wrong.
    """
    header = load_header(path)
    try:
        return header, _entries(path, _seal(header))
    except DamagedTableError as damage:
        try:
            header = load_header(_older(path))
            return header, _entries(path, _seal(header))
        except DamagedTableError:
            raise damage from None


def load_header(path: Path) -> Header:
    """Read the JSON beside a table's CSV.

    Raises:
        DamagedTableError: With the field that is wrong.
    """
    path = path.with_suffix(".json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedTableError("missing; without it the device of the table is unknown", file=path) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedTableError(f"not readable as JSON: {error}", file=path) from None
    if not isinstance(content, dict):
        raise DamagedTableError("must hold names and values", file=path)
    if content.get("format") != VERSION:
        raise DamagedTableError(f"must be {VERSION}, the one this release reads", file=path, field="format")
    for name in FIELDS:
        if name not in content and name not in {"kits", "noisy"}:  # earlier releases wrote neither
            raise DamagedTableError("is missing", file=path, field=name)
    check = content.pop("check", None)
    header = parse_header({name: value for name, value in content.items() if name != "format"}, path)
    if check != _check(content):
        raise DamagedTableError("the file is not as it was written", file=path, field="check")
    return header


def is_foreign(path: Path) -> bool:
    """Return True if a table's files exist but belong to something else, so that `save` would overwrite them.

    Damaged files of a table are not foreign.
    """
    beside = path.with_suffix(".json")
    if not path.exists() and not beside.exists():
        return False
    try:
        if beside.exists() and "identity" in json.loads(beside.read_text(encoding="utf-8")):
            return False
    except (ValueError, TypeError, RecursionError):
        pass  # a damaged file of a table, if the entries are a table's
    if not path.exists():
        return True
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().strip() != ",".join(COLUMNS)


def _older(path: Path) -> Path:
    """The copy of the JSON that `save` keeps while it writes."""
    return path.with_name(f".{path.stem}.older.json")


def _entries(path: Path, seal: str) -> Entries:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns, *lines = _lines(file)
    except (OSError, ValueError, csv.Error) as error:
        raise DamagedTableError(f"not readable as CSV: {' '.join(str(error).split())}", file=path) from None
    _check_columns(columns[1], path)
    entries: Entries = {}
    for number, cells in lines:
        line = f"line {number}"
        if len(cells) != len(columns[1]):
            problem = f"not readable as CSV: {len(cells)} cells, expected {len(columns[1])}"
            raise DamagedTableError(problem, file=path, field=line)
        row = dict(zip(columns[1], cells, strict=True))
        key, measurement = _entry(row, seal, path, line)
        if key in entries:
            raise DamagedTableError(f"a second entry for {key}", file=path, field=line)
        entries[key] = measurement
    return entries


def _lines(file: io.TextIOWrapper) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV that are not empty, with their numbers."""
    reader = csv.reader(file, strict=True)
    for cells in reader:
        if cells:
            yield reader.line_num, cells


def _check_columns(columns: Sequence[str], path: Path) -> None:
    for name in COLUMNS:
        if name not in columns:
            raise DamagedTableError(f"column {name} is missing", file=path)
    for name in columns:
        if name not in COLUMNS or columns.count(name) > 1:
            raise DamagedTableError(f"unknown column {shortened(name)}", file=path)


def _entry(row: Mapping[str, str], seal: str, path: Path, line: str) -> tuple[Key, Measurement]:
    """The entry of a line."""
    for name, check in _CHECKS.items():
        if problem := check(row[name]):
            raise DamagedTableError(problem, file=path, field=f"{line}: {name}")
    if row["check"] != _check([seal, *(row[name] for name in COLUMNS[:-1])]):
        problem = "the line is not as it was written, or of another table"
        raise DamagedTableError(problem, file=path, field=f"{line}: check")
    key = Key(row["operator"], row["arguments"], row["inputs"], int(row["depth"]))
    return key, Measurement(float(row["ms"]), float(row["spread_ms"]), int(row["n"]))


def _list_problem(cell: str) -> str:
    """The reason why a cell is no JSON list; empty if it is one."""
    try:
        parsed = json.loads(cell)
    except (ValueError, RecursionError):
        parsed = None
    return "" if isinstance(parsed, list) else f"not a JSON list: {shortened(cell)}"


def _count_problem(cell: str) -> str:
    """The reason why a cell is no number of 1 or more; empty if it is one."""
    try:
        return "" if int(cell) >= 1 else f"must be at least 1, not {shortened(cell)}"
    except ValueError:
        return f"not a number: {shortened(cell)}"


def _time_problem(cell: str) -> str:
    """The reason why a cell is no time; empty if it is one."""
    try:
        return "" if 0 <= float(cell) <= sys.float_info.max else f"must be a time in ms, not {shortened(cell)}"
    except ValueError:
        return f"not a number: {shortened(cell)}"


_CHECKS = {
    "arguments": _list_problem,
    "inputs": _list_problem,
    "depth": _count_problem,
    "n": _count_problem,
    "ms": _time_problem,
    "spread_ms": _time_problem,
}
"""Checks by column, in the order in which faults are reported."""


def _seal(header: Header) -> str:
    """Part of every line's checksum. It binds a line to its table and to the units of its reference."""
    return _check([header.identity, header.reference_ms, header.overhead_ms])


def _check(content: object) -> str:
    """A CRC of 8 hex digits."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"
