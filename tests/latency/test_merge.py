"""Two tables of one device and runtime become one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.latency.entries import Key
from nas.latency.header import Calibration, Header
from nas.latency.opening import builder_for
from nas.latency.runtimes.measure import Measurement
from nas.latency.runtimes.registry import choose
from nas.latency.store import load
from nas.latency.table_file import TableFile

STOCK = TEMPLATES["yolov8n"].stock(2)
KEYS = [Key("Conv", f"[{n}]", "[[3, 8, 8]]", 1) for n in range(3)]


def empty(path: Path) -> TableFile:
    return TableFile(builder_for(choose("fake"), path).table)


def header(table: TableFile, **fields: Any) -> Header:
    """Another table's, of the same device."""
    return replace(Header(table.table.fingerprint, "2026-01-01", 2.0, 0.02), **fields)


def test_both_ways_of_measuring_an_entry_count_by_their_samples(tmp_path: Path) -> None:
    """The second was in units of a reference that took 3 ms where the first's took 2: its times are 1.5 as long."""
    table = empty(tmp_path / "t.csv")
    table.merge(header(table), {KEYS[0]: Measurement(1.0, 0.1, 4), KEYS[1]: Measurement(5.0, 0.5, 7)})
    table.merge(
        header(table, reference_ms=3.0),
        {KEYS[0]: Measurement(3.0, 0.3, 12), KEYS[2]: Measurement(6.0, 0.9, 5)},
    )
    held, entries = load(table.table.path)
    assert list(entries) == KEYS
    assert entries[KEYS[0]] == pytest.approx(((4 * 1.0 + 12 * 2.0) / 16, (4 * 0.1 + 12 * 0.2) / 16, 16))
    assert entries[KEYS[1]] == (5.0, 0.5, 7)
    assert entries[KEYS[2]] == pytest.approx((4.0, 0.6, 5))
    assert (held.reference_ms, held.overhead_ms, held.date) == (2.0, 0.02, "2026-01-01")
    assert table.table.entries == entries


def test_merging_in_either_order_gives_the_same_predictions(tmp_path: Path) -> None:
    """Up to the reference, in units of which the first one's times are."""
    parts = [
        ({"reference_ms": 2.0}, {KEYS[0]: Measurement(1.0, 0.1, 4), KEYS[1]: Measurement(5.0, 0.5, 7)}),
        ({"reference_ms": 3.0}, {KEYS[0]: Measurement(3.0, 0.3, 12), KEYS[2]: Measurement(6.0, 0.9, 5)}),
    ]
    tables = [empty(tmp_path / f"{n}.csv") for n in range(2)]
    for table, order in zip(tables, (parts, parts[::-1]), strict=True):
        for fields, entries in order:
            table.merge(header(table, **fields), entries)
    one, other = tables
    assert one.table.header.reference_ms != other.table.header.reference_ms
    for key in KEYS:
        assert one.table.entries[key].ms / 2.0 == pytest.approx(other.table.entries[key].ms / 3.0)
        assert one.table.entries[key].n == other.table.entries[key].n


def test_calibrations_are_kept_and_joined(tmp_path: Path) -> None:
    """Ratios, so no reference scales them; this table's own stay, as its entries do."""
    table = empty(tmp_path / "t.csv")
    own, theirs, new = Calibration(1.1, 8, 0.02), Calibration(1.3, 8, 0.02), Calibration(1.2, 6, 0.01)
    table.merge(header(table, calibrations={"320": own}), {KEYS[0]: Measurement(1.0, 0.1, 4)})
    given = header(table, reference_ms=3.0, calibrations={"320": theirs, "640": new})
    table.merge(given, {})
    assert load(table.table.path)[0].calibrations == {"320": own, "640": new}
    assert given.calibrations == {"320": theirs, "640": new}


def test_the_noise_is_the_worse_of_both(tmp_path: Path) -> None:
    table = empty(tmp_path / "t.csv")
    table.merge(header(table, quiet=0.9, steal=0.01), {})
    table.merge(header(table, quiet=0.6, steal=None), {})
    table.merge(header(table, quiet=1.0, steal=0.03), {})
    assert load(table.table.path)[0].noise == (0.6, 0.03)


def test_a_card_is_of_the_entries_that_were_there(tmp_path: Path) -> None:
    table = empty(tmp_path / "t.csv")
    table.merge(header(table), {KEYS[0]: Measurement(1.0, 0.1, 4)})
    table.record(64, {"bias": 0.0})
    table.merge(header(table), {KEYS[0]: Measurement(2.0, 0.1, 4)})
    assert load(table.table.path)[0].cards == {}


def test_another_identity_is_refused(tmp_path: Path) -> None:
    table = empty(tmp_path / "t.csv")
    other = header(table, identity=table.table.fingerprint | {"threads": 4})
    with pytest.raises(
        InputError, match="the table to merge is of another device or runtime: threads is 4 there and 1 here"
    ):
        table.merge(other, {KEYS[0]: Measurement(1.0, 0.1, 4)})
    assert not table.table.path.exists()


def test_what_another_process_wrote_meanwhile_is_merged_too(tmp_path: Path) -> None:
    one, other = empty(tmp_path / "t.csv"), empty(tmp_path / "t.csv")
    one.merge(header(one), {KEYS[0]: Measurement(1.0, 0.1, 4)})
    other.merge(header(other, reference_ms=4.0), {KEYS[1]: Measurement(1.0, 0.1, 4)})
    assert load(one.table.path)[1] == {KEYS[0]: (1.0, 0.1, 4), KEYS[1]: (0.5, 0.05, 4)}


def test_measured_tables_of_two_sizes_predict_both(tmp_path: Path) -> None:
    tables = {size: builder_for(choose("fake"), tmp_path / f"{size}.csv") for size in (64, 96)}
    for size, table in tables.items():
        table.ensure(STOCK.resolve(size))
        table.calibrate([STOCK], size)
    expected = {size: table.table.predict(STOCK, size) for size, table in tables.items()}
    joined = TableFile(tables[64].table)
    joined.merge(tables[96].table.header, tables[96].table.entries)
    again = empty(joined.table.path)
    assert {size: again.table.predict(STOCK, size) for size in tables} == expected
    shared = tables[96].table.entries.keys() & empty(tmp_path / "64.csv").table.entries.keys()
    assert len(shared) == len(tables[96].table)
