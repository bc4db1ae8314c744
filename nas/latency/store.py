"""A table's two files: entries as CSV, and what they are of as JSON beside it. Damage is refused, not guessed round."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from reprlib import repr as shown
from typing import Any, TypeGuard

import pandas as pd

from nas.errors import InputError
from nas.files import write
from nas.latency.entries import Key
from nas.latency.fingerprint import Identity
from nas.latency.runtimes.measure import Measurement, Noise

COLUMNS = [*Key._fields, *Measurement._fields, "check"]
VERSION = 1


class DamagedError(InputError):
    """A table's file that cannot be read; names file, line or field. Who knows how it was built adds the mend."""


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
    entry is given without. ``calibrations`` and the figures of the last report ``cards`` by image size; ``quiet`` and
    ``steal`` are the worst of any session's (`nas.latency.runtimes.measure.Noise`); ``kits`` tells of measuring kits how many
    of a kit's rows were taken from its results."""

    identity: Identity
    date: str
    reference_ms: float
    overhead_ms: float
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    cards: dict[str, dict[str, float]] = field(default_factory=dict)
    quiet: float = 1.0
    steal: float | None = None
    kits: dict[str, int] = field(default_factory=dict)

    @property
    def noise(self) -> Noise:
        return Noise(self.quiet, self.steal)

    @property
    def sizes(self) -> list[int]:
        """Image sizes in pixels that the table predicts at."""
        return sorted(map(int, self.calibrations))


Entries = dict[Key, Measurement]


def save(path: Path, header: Header, entries: Mapping[Key, Measurement]) -> None:
    """Write both files, each whole or not at all; the entries last, since a table is there when its CSV is.

    What is killed between the two leaves the older JSON too, which the entries are read by if they fit no other.
    """
    beside, older = path.with_suffix(".json"), _older(path)
    if beside.exists():
        write(older, beside.read_text(encoding="utf-8"))
    content = {"format": VERSION, **asdict(header)}
    write(beside, json.dumps({**content, "check": _check(content)}, indent=2) + "\n")
    of = _seal(header)
    lines = [[str(cell) for cell in (*key, *value)] for key, value in entries.items()]
    frame = pd.DataFrame([[*line, _check([of, *line])] for line in lines], columns=COLUMNS)
    write(path, frame.to_csv(index=False))
    older.unlink(missing_ok=True)


def load(path: Path) -> tuple[Header, Entries]:
    """Both files, every field checked; raises DamagedError."""
    header = load_header(path)
    try:
        return header, _entries(path, _seal(header))
    except DamagedError as damage:
        try:
            header = load_header(_older(path))
            return header, _entries(path, _seal(header))
        except DamagedError:
            raise damage from None


def is_foreign(path: Path) -> bool:
    """Whether a table's files are there but are something else's: `save` would overwrite them. Damaged ones are not."""
    beside = path.with_suffix(".json")
    if not path.exists() and not beside.exists():
        return False
    try:
        if beside.exists() and "identity" in json.loads(beside.read_text(encoding="utf-8")):
            return False
    except (ValueError, TypeError, RecursionError):
        pass  # a table's that is damaged, if the entries are a table's
    if not path.exists():
        return True
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().strip() != ",".join(COLUMNS)


def _older(path: Path) -> Path:
    """Where `save` keeps a table's JSON while it writes."""
    return path.with_name(f".{path.stem}.older.json")


def load_header(path: Path) -> Header:
    """The JSON beside a table; raises DamagedError."""
    path = path.with_suffix(".json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedError(f"{path}: missing, so nobody knows what its table is of") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: not readable as JSON: {error}") from None
    fields = ["format", *Header.__dataclass_fields__, "check"]
    # Earlier releases wrote no kits.
    if not isinstance(content, dict) or sorted({"kits": None, **content}) != sorted(fields):
        raise DamagedError(f"{path}: must hold exactly {', '.join(fields)}")
    if content["format"] != VERSION:
        raise DamagedError(f"{path}: format: must be {VERSION}, the one this release reads")
    for name in ("identity", "calibrations", "cards"):
        if not isinstance(content[name], dict):
            raise DamagedError(f"{path}: {name}: must hold names and values")
    if not isinstance(content["date"], str):
        raise DamagedError(f"{path}: date: must be a date, not {shown(content['date'])}")
    for name, value in content["identity"].items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise DamagedError(f"{path}: identity.{name}: must be a text or a whole number, not {shown(value)}")
    for name, positive in (("reference_ms", True), ("overhead_ms", False)):
        if not _is_number(content[name], positive):
            raise DamagedError(f"{path}: {name}: must be a time in ms, not {shown(content[name])}")
    for name in ("quiet", "steal"):
        share = content[name]
        if not (share is None and name == "steal") and not (_is_number(share) and share <= 1):
            raise DamagedError(f"{path}: {name}: must be a share from 0 to 1, not {shown(share)}")
    calibrations = {size: _calibration(path, size, value) for size, value in content["calibrations"].items()}
    for size, card in content["cards"].items():
        values = card.values() if isinstance(card, dict) else [None]
        if not all(map(_is_finite, values)):
            raise DamagedError(f"{path}: cards.{size}: must hold names and figures")
    kits = content.get("kits", {})
    if not isinstance(kits, dict) or not all(type(rows) is int and rows >= 0 for rows in kits.values()):
        raise DamagedError(f"{path}: kits: must hold names and numbers of rows")
    if content.pop("check") != _check(content):
        raise DamagedError(f"{path}: check: the file is not as it was written")
    del content["format"]
    return Header(**(content | {"calibrations": calibrations}))


def _calibration(path: Path, size: str, value: Any) -> Calibration:
    if not isinstance(value, dict) or sorted(value) != sorted(Calibration.__dataclass_fields__):
        raise DamagedError(f"{path}: calibrations.{size}: must hold factor, n and worst")
    for name in value:
        if not _is_number(value[name], positive=name == "factor"):
            low = "above 0" if name == "factor" else "at least 0"
            raise DamagedError(f"{path}: calibrations.{size}.{name}: must be {low}, not {shown(value[name])}")
    return Calibration(**value)


def _entries(path: Path, of: str) -> Entries:
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise DamagedError(f"{path}: not readable as CSV: {' '.join(str(error).split())}") from None
    for name in COLUMNS:
        if name not in frame:
            raise DamagedError(f"{path}: column {name} is missing")
    for name in map(str, frame):
        if name not in COLUMNS:
            raise DamagedError(f"{path}: unknown column {name}")
    entries: Entries = {}
    for line, row in enumerate(frame[COLUMNS].to_dict("records"), start=2):
        key, measurement = _entry(f"{path}: line {line}", row, of)
        if key in entries:
            raise DamagedError(f"{path}: line {line}: a second entry for {key}")
        entries[key] = measurement
    return entries


def _entry(where: str, row: Mapping[Any, Any], of: str) -> tuple[Key, Measurement]:
    values: dict[str, Any] = dict(row)
    for name in ("arguments", "inputs"):
        try:
            parsed = json.loads(values[name])
        except (TypeError, ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, list):
            raise DamagedError(f"{where}: {name}: not a JSON list: {shown(values[name])}")
    for name, convert in (("depth", int), ("n", int), ("ms", float), ("spread_ms", float)):
        try:
            values[name] = convert(values[name])
        except ValueError:
            raise DamagedError(f"{where}: {name}: not a number: {shown(row[name])}") from None
    for name in ("ms", "spread_ms"):
        if not _is_number(values[name]):
            raise DamagedError(f"{where}: {name}: must be a time in ms, not {row[name]}")
    for name in ("depth", "n"):
        if values[name] < 1:
            raise DamagedError(f"{where}: {name}: must be at least 1, not {row[name]}")
    if row["check"] != _check([of, *(row[name] for name in COLUMNS[:-1])]):
        raise DamagedError(f"{where}: check: the line is not as it was written, or of another table")
    return Key(*(values[n] for n in Key._fields)), Measurement(*(values[n] for n in Measurement._fields))


def _seal(header: Header) -> str:
    """What every line is checked with: the times of another table, or in units of another reference, do not pass."""
    return _check([header.identity, header.reference_ms, header.overhead_ms])


def _check(content: object) -> str:
    """8 hex digits that a changed digit does not survive."""
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def _is_number(value: object, positive: bool = False) -> bool:
    return _is_finite(value) and (value > 0 if positive else value >= 0)


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
