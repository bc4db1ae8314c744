"""A table's two files: entries as CSV, and what they are of as JSON beside it. Damage is refused, not guessed round."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from nas.errors import InputError
from nas.files import write
from nas.tables._bench import Measurement
from nas.tables._entry import Key
from nas.tables._identity import Identity

COLUMNS = [*Key._fields, *Measurement._fields]
MEND = "restore the file, or measure anew with --rebuild-table"


@dataclass
class Calibration:
    """Whole detectors measured against the sum of their rows at one image size: ``factor`` is the geometric mean of
    their ratio over ``n`` detectors, ``worst`` the largest relative error that is left among them."""

    factor: float
    n: int
    worst: float


@dataclass
class Header:
    """The JSON beside the entries. Times in ms: of the reference kernel, and of a call that does nothing, which every
    entry is given without; ``calibrations`` by image size."""

    identity: Identity
    date: str
    reference_ms: float
    overhead_ms: float
    calibrations: dict[str, Calibration] = field(default_factory=dict)


def save(path: Path, header: Header, entries: Mapping[Key, Measurement]) -> None:
    """Write both files, each whole or not at all; the entries last, since a table is there when its CSV is."""
    write(path.with_suffix(".json"), json.dumps(asdict(header), indent=2) + "\n")
    frame = pd.DataFrame([(*key, *value) for key, value in entries.items()], columns=COLUMNS)
    write(path, frame.to_csv(index=False))


def load(path: Path) -> tuple[Header, dict[Key, Measurement]]:
    """Both files, every field checked; raises InputError naming file, line or field, and the mend."""
    return _header(path.with_suffix(".json")), _entries(path)


def check_identity(path: Path, held: Mapping[str, object], here: Identity) -> None:
    """Raises InputError naming what differs when a table is of another device or runtime."""
    names = dict.fromkeys((*here, *held))
    other = [f"{n} is {held.get(n)!r} there and {here.get(n)!r} here" for n in names if held.get(n) != here.get(n)]
    if other:
        raise InputError(f"{path}: of another device or runtime: {'; '.join(other)}; give another --table")


def _header(path: Path) -> Header:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: missing, so nobody knows what its table is of; {MEND}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}; {MEND}") from None
    fields = list(Header.__dataclass_fields__)
    if not isinstance(content, dict) or sorted(content) != sorted(fields):
        raise InputError(f"{path}: must hold exactly {', '.join(fields)}; {MEND}")
    if not isinstance(content["identity"], dict) or not isinstance(content["calibrations"], dict):
        raise InputError(f"{path}: identity, calibrations: each must hold names and values; {MEND}")
    for name, low in (("reference_ms", True), ("overhead_ms", False)):
        if not _is_time(content[name], positive=low):
            raise InputError(f"{path}: {name}: must be a time in ms, not {content[name]!r}; {MEND}")
    calibrations = {size: _calibration(path, size, value) for size, value in content["calibrations"].items()}
    return Header(**(content | {"calibrations": calibrations}))


def _calibration(path: Path, size: str, value: Any) -> Calibration:
    if not isinstance(value, dict) or sorted(value) != sorted(Calibration.__dataclass_fields__):
        raise InputError(f"{path}: calibrations.{size}: must hold factor, n and worst; {MEND}")
    if not _is_time(value["factor"], positive=True):
        raise InputError(f"{path}: calibrations.{size}.factor: must be above 0, not {value['factor']!r}; {MEND}")
    return Calibration(**value)


def _entries(path: Path) -> dict[Key, Measurement]:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise InputError(f"{path}: not readable as CSV: {' '.join(str(error).split())}; {MEND}") from None
    for name in COLUMNS:
        if name not in frame:
            raise InputError(f"{path}: column {name} is missing; {MEND}")
    for name in map(str, frame):
        if name not in COLUMNS:
            raise InputError(f"{path}: unknown column {name}; drop it, or {MEND}")
    entries: dict[Key, Measurement] = {}
    for line, row in enumerate(frame[COLUMNS].to_dict("records"), start=2):
        key, measurement = _entry(f"{path}: line {line}", row)
        if key in entries:
            raise InputError(f"{path}: line {line}: a second entry for {key}; {MEND}")
        entries[key] = measurement
    return entries


def _entry(where: str, row: Mapping[Any, Any]) -> tuple[Key, Measurement]:
    values: dict[str, Any] = dict(row)
    for name in ("arguments", "inputs"):
        try:
            json.loads(values[name])
        except (TypeError, ValueError):
            raise InputError(f"{where}: {name}: not a JSON list: {values[name]!r}; {MEND}") from None
    for name, convert in (("depth", int), ("n", int), ("ms", float), ("spread_ms", float)):
        try:
            values[name] = convert(values[name])
        except ValueError:
            raise InputError(f"{where}: {name}: not a number: {row[name]!r}; {MEND}") from None
    for name in ("ms", "spread_ms"):
        if not _is_time(values[name]):
            raise InputError(f"{where}: {name}: must be a time in ms, not {row[name]}; {MEND}")
    for name in ("depth", "n"):
        if values[name] < 1:
            raise InputError(f"{where}: {name}: must be at least 1, not {row[name]}; {MEND}")
    return Key(*(values[n] for n in Key._fields)), Measurement(*(values[n] for n in Measurement._fields))


def _is_time(value: object, positive: bool = False) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    return value > 0 if positive else value >= 0
