"""Tables of devices that are not here, and tables that are taken by force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.files import tables_home
from nas.latency import opening
from nas.latency.builder import TableBuilder
from nas.latency.errors import AbsentDeviceError, MissingEntryError
from nas.latency.fingerprint import file_name
from nas.latency.opening import builder_for, find_table
from nas.latency.runtimes import measure
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.measure import Measurement
from nas.latency.runtimes.registry import choose
from nas.latency.store import load, save
from nas.latency.table import LatencyTable
from nas.latency.table_file import TableFile

STOCK = TEMPLATES["yolov8n"].stock(2)
SIZE = 64


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LatencyTable:
    table = builder_for(choose("fake"), tmp_path_factory.mktemp("table") / "t.csv")
    table.ensure(STOCK.resolve(SIZE))
    table.calibrate([STOCK], SIZE)
    return table.table


def brought(built: LatencyTable, folder: Path | None = None, **identity: Any) -> Path:
    """A table as `import` leaves it, in the user's folder unless another is named."""
    of = built.header.identity | {"device": "pi5", "cpu": "Cortex-A76"} | identity
    folder = folder or tables_home()
    folder.mkdir(exist_ok=True)
    save(folder / file_name(of), replace(built.header, identity=of), built.entries)
    return folder / file_name(of)


def test_a_device_by_its_name(built: LatencyTable) -> None:
    path = brought(built)
    brought(built, device="phone")
    for runtime in ("fake", "auto"):
        table = find_table("pi5", runtime, 1)
        assert table.path == path
        assert table.fingerprint == load(path)[0].identity
        assert table.fingerprint["cpu"] == "Cortex-A76"
        assert table.entries == built.entries
        assert table.predict(STOCK, SIZE) == built.predict(STOCK, SIZE)
        assert not table.measurable
        assert not table.forced


@pytest.mark.parametrize(
    ("device", "runtime", "threads", "named"),
    [("pi4", "auto", 1, ""), ("pi5", "torch", 1, "--runtime torch "), ("pi5", "auto", 4, "")],
)
def test_none(built: LatencyTable, device: str, runtime: str, threads: int, named: str) -> None:
    """The kit that mends it is of the same runtime and threads."""
    brought(built)
    with pytest.raises(AbsentDeviceError) as error:
        find_table(device, runtime, threads)
    words = "1 thread" if threads == 1 else f"{threads} threads"
    assert str(error.value) == (
        f"device={device}: is not this machine, and there is no table of it for the runtime {runtime} and {words}; "
        f"make a measuring kit with python -m nas.latency bundle DIR --device {device} {named}--threads {threads}, run "
        "it there, and import it with python -m nas.latency import DIR"
    )


def test_several(built: LatencyTable) -> None:
    one, other = brought(built), brought(built, runtime="torch")
    with pytest.raises(InputError, match="device=pi5: several tables fit; give one as table: ") as error:
        find_table("pi5", "auto", 1)
    assert {str(one), str(other)} == set(str(error.value).partition("as table: ")[2].split(", "))
    assert find_table("pi5", "torch", 1).path == other
    assert find_table("pi5", "auto", 1, one).path == one


def test_a_table_by_its_path(built: LatencyTable, tmp_path: Path) -> None:
    path = brought(built, tmp_path / "mine")
    assert find_table("pi5", "auto", 1, path).path == path
    with pytest.raises(AbsentDeviceError, match="there is no table of it"):
        find_table("pi4", "auto", 1, path)
    with pytest.raises(InputError, match=r"none\.json: missing; without it the device of the table is unknown"):
        find_table("pi5", "auto", 1, tmp_path / "none.csv")


def test_the_users_table_comes_before_the_shipped_one(
    built: LatencyTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shipped table is read where it lies; its new entries go to the user's folder."""
    monkeypatch.setattr(opening, "shipped", lambda folder: tmp_path / "shipped")
    shipped = brought(built, tmp_path / "shipped")
    before = [file.read_bytes() for file in sorted(shipped.parent.iterdir())]
    table = find_table("pi5", "auto", 1)
    assert table.predict(STOCK, SIZE) == built.predict(STOCK, SIZE)
    TableFile(table).record(SIZE, {"bias": 0.01})
    assert table.path.parent == tables_home()
    assert find_table("pi5", "auto", 1).header.cards == {"64": {"bias": 0.01}}
    assert [file.read_bytes() for file in sorted(shipped.parent.iterdir())] == before


def test_a_damaged_table_beside_it(built: LatencyTable) -> None:
    """Of no matter where the device's own is there; where it is not, it may have been this one."""
    path = brought(built)
    other = brought(built, device="phone").with_suffix(".json")
    other.write_text("{")
    assert find_table("pi5", "auto", 1).path == path
    with pytest.raises(InputError, match=r"restore the file, or remove the table$") as error:
        find_table("phone", "auto", 1)
    assert str(error.value).startswith(f"{other}: not readable as JSON")


def test_a_damaged_table_is_refused(built: LatencyTable) -> None:
    """Its mend is no command that only the device itself could follow."""
    path = brought(built)
    path.write_text(path.read_text().replace("0.07", "0.08", 1))
    with pytest.raises(InputError, match="line 2: check: the line is not as it was written") as error:
        find_table("pi5", "auto", 1)
    assert "restore the file, or remove the table and make a measuring kit" in str(error.value)
    assert "latency build" not in str(error.value)


def test_nothing_can_be_measured_there(built: LatencyTable) -> None:
    path = brought(built)
    before = [path.read_bytes(), path.with_suffix(".json").read_bytes()]
    table = find_table("pi5", "auto", 1)
    table.require(STOCK.resolve(SIZE), SIZE)
    with pytest.raises(MissingEntryError, match="lacks"):
        table.predict(STOCK, 96)
    with pytest.raises(
        AbsentDeviceError, match=r"\d+ entries and a calibration at 96 pixels cannot be measured"
    ) as error:
        table.require(STOCK.resolve(96), 96)
    assert (error.value.field, error.value.value) == ("device", "pi5")
    assert "make a measuring kit with python -m nas.latency bundle DIR --device pi5" in error.value.hint
    assert [path.read_bytes(), path.with_suffix(".json").read_bytes()] == before


def forced(path: Path, runtime: Runtime | None = None) -> TableBuilder:
    return builder_for(runtime or choose("fake"), path, force=True)


def misfits(path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> tuple[Runtime, str]:
    """Make the table one that does not fit; the runtime it is opened with, and why it does not."""
    header, entries = load(path)
    if case == "threads":
        return choose("fake", threads=2), "of another device or runtime: threads is 1 there and 2 here"
    if case == "cpu":
        save(path, replace(header, identity=header.identity | {"cpu": "Elbrus-8C"}), entries)
        return choose("fake"), "of another device or runtime: cpu is 'Elbrus-8C' there and "
    monkeypatch.setattr(measure, "PATIENCE", (10, 0.0))
    save(path, replace(header, reference_ms=3 * header.reference_ms), entries)
    return choose("fake"), "the reference kernel takes "


@pytest.mark.parametrize("case", ["threads", "cpu", "reference"])
def test_by_force(case: str, built: LatencyTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    save(path, built.header, built.entries)
    runtime, why = misfits(path, monkeypatch, case)
    with pytest.raises(InputError, match=r"or accept it with force$") as refused:
        builder_for(runtime, path)
    assert str(refused.value).startswith(f"{path}: {why}")
    before = [path.read_bytes(), path.with_suffix(".json").read_bytes()]

    builder = forced(path, runtime)
    table = builder.table
    assert table.forced.startswith(f"{path}: {why}")
    assert str(refused.value).startswith(table.forced)
    assert not table.measurable
    assert table.predict(STOCK, SIZE) == built.predict(STOCK, SIZE)

    with pytest.raises(AbsentDeviceError, match="entries cannot be measured: "):
        builder.ensure(STOCK.resolve(96))
    with pytest.raises(AbsentDeviceError, match="complete detectors cannot be measured: "):
        builder.measure_end_to_end([STOCK], [SIZE])
    with pytest.raises(InputError, match="force: nothing is added to a table that does not fit: "):
        TableFile(table).fit([STOCK], [Measurement(1.0, 0.1, 4)], SIZE)
    with pytest.raises(InputError, match="force: nothing is added to a table that does not fit: "):
        TableFile(table).merge(table.header, table.entries)
    with pytest.raises(InputError, match="force: nothing is added to a table that does not fit: "):
        TableFile(table).record(SIZE, {"bias": 0.0})
    assert [path.read_bytes(), path.with_suffix(".json").read_bytes()] == before
    assert [file.name for file in tmp_path.iterdir() if file.suffix not in {".csv", ".json"}] == []


def test_force_takes_no_damaged_table(built: LatencyTable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    save(path, built.header, built.entries)
    path.write_text(path.read_text().replace("0.07", "0.08", 1))
    with pytest.raises(InputError, match="line 2: check: the line is not as it was written"):
        forced(path)


def test_force_changes_nothing_where_the_table_fits(built: LatencyTable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    save(path, built.header, built.entries)
    builder = forced(path)
    assert (builder.table.forced, builder.table.measurable) == ("", True)
    builder.ensure(list(STOCK.resolve(96))[:2])
    assert len(load(path)[1]) == len(built) + 2
