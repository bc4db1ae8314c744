"""Tables of devices that are not here, and tables that are taken by force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas.latency.table as module
from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.files import tables_home
from nas.latency.fingerprint import file_name
from nas.latency.runtimes import measure
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.registry import choose
from nas.latency.store import load, save
from nas.latency.table import AbsentDeviceError, LatencyTable, MissingEntryError

STOCK = TEMPLATES["yolov8n"].stock(2)
SIZE = 64


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LatencyTable:
    table = LatencyTable.open(choose("fake"), tmp_path_factory.mktemp("table") / "t.csv")
    table.ensure(STOCK.resolve(SIZE))
    table.calibrate([STOCK], SIZE)
    return table


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
        table = LatencyTable.find("pi5", runtime, 1)
        assert table.path == path
        assert table.fingerprint == load(path)[0].identity
        assert table.fingerprint["cpu"] == "Cortex-A76"
        assert table.entries == built.entries
        assert table.predict(STOCK, SIZE) == built.predict(STOCK, SIZE)
        assert not table.here
        assert not table.forced


@pytest.mark.parametrize(
    ("device", "runtime", "threads", "named"),
    [("pi4", "auto", 1, ""), ("pi5", "torch", 1, "--runtime torch "), ("pi5", "auto", 4, "")],
)
def test_none(built: LatencyTable, device: str, runtime: str, threads: int, named: str) -> None:
    """The kit that mends it is of the same runtime and threads."""
    brought(built)
    with pytest.raises(AbsentDeviceError) as error:
        LatencyTable.find(device, runtime, threads)
    assert str(error.value) == (
        f"--device {device}: not this machine, and there is no table of it for the runtime {runtime} and {threads} "
        f"thread(s); make a measuring kit with python -m nas.latency bundle DIR --device {device} {named}--threads "
        f"{threads}, run it there, and bring it home with python -m nas.latency import DIR"
    )


def test_several(built: LatencyTable) -> None:
    one, other = brought(built), brought(built, runtime="torch")
    with pytest.raises(InputError, match="--device pi5: several tables fit; give one of them with --table: ") as error:
        LatencyTable.find("pi5", "auto", 1)
    assert {str(one), str(other)} == set(str(error.value).partition("--table: ")[2].split(", "))
    assert LatencyTable.find("pi5", "torch", 1).path == other
    assert LatencyTable.find("pi5", "auto", 1, one).path == one


def test_a_table_by_its_path(built: LatencyTable, tmp_path: Path) -> None:
    path = brought(built, tmp_path / "mine")
    assert LatencyTable.find("pi5", "auto", 1, path).path == path
    with pytest.raises(AbsentDeviceError, match="there is no table of it"):
        LatencyTable.find("pi4", "auto", 1, path)
    with pytest.raises(InputError, match=r"none\.json: missing, so nobody knows what its table is of"):
        LatencyTable.find("pi5", "auto", 1, tmp_path / "none.csv")


def test_the_users_table_comes_before_the_shipped_one(
    built: LatencyTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shipped is read where it lies, and what is added to it goes to the user's folder."""
    monkeypatch.setattr(module, "shipped", lambda folder: tmp_path / "shipped")
    shipped = brought(built, tmp_path / "shipped")
    before = [file.read_bytes() for file in sorted(shipped.parent.iterdir())]
    table = LatencyTable.find("pi5", "auto", 1)
    assert table.predict(STOCK, SIZE) == built.predict(STOCK, SIZE)
    table.record(SIZE, {"bias": 0.01})
    assert table.path.parent == tables_home()
    assert LatencyTable.find("pi5", "auto", 1).header.cards == {"64": {"bias": 0.01}}
    assert [file.read_bytes() for file in sorted(shipped.parent.iterdir())] == before


def test_a_damaged_table_beside_it(built: LatencyTable) -> None:
    """Of no matter where the device's own is there; where it is not, it may have been this one."""
    path = brought(built)
    other = brought(built, device="phone").with_suffix(".json")
    other.write_text("{")
    assert LatencyTable.find("pi5", "auto", 1).path == path
    with pytest.raises(InputError, match=r"restore the file, or remove the table$") as error:
        LatencyTable.find("phone", "auto", 1)
    assert str(error.value).startswith(f"{other}: not readable as JSON")


def test_a_damaged_table_is_refused(built: LatencyTable) -> None:
    """Its mend is no command that only the device itself could follow."""
    path = brought(built)
    path.write_text(path.read_text().replace("0.07", "0.08", 1))
    with pytest.raises(InputError, match="line 2: check: the line is not as it was written") as error:
        LatencyTable.find("pi5", "auto", 1)
    assert "restore the file, or remove the table and make a measuring kit" in str(error.value)
    assert "latency build" not in str(error.value)


def test_nothing_can_be_measured_there(built: LatencyTable) -> None:
    path = brought(built)
    before = [path.read_bytes(), path.with_suffix(".json").read_bytes()]
    table = LatencyTable.find("pi5", "auto", 1)
    table.ensure(STOCK.resolve(SIZE))  # there already
    with pytest.raises(MissingEntryError, match="lacks"):
        table.predict(STOCK, 96)
    kit = r"the device pi5 is not here; make a measuring kit with python -m nas\.latency bundle DIR --device pi5"
    with pytest.raises(AbsentDeviceError, match=rf"\d+ entries cannot be measured: {kit}"):
        table.ensure(STOCK.resolve(96))
    with pytest.raises(AbsentDeviceError, match=f"whole detectors cannot be measured: {kit}"):
        table.measure_wholes([STOCK], SIZE)
    assert [path.read_bytes(), path.with_suffix(".json").read_bytes()] == before


def forced(path: Path, runtime: Runtime | None = None) -> LatencyTable:
    return LatencyTable.open(runtime or choose("fake"), path, force=True)


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
    with pytest.raises(InputError, match=r"or take it as it is with --force$") as refused:
        LatencyTable.open(runtime, path)
    assert str(refused.value).startswith(f"{path}: {why}")
    before = [path.read_bytes(), path.with_suffix(".json").read_bytes()]

    table = forced(path, runtime)
    assert table.forced.startswith(f"{path}: {why}")
    assert str(refused.value).startswith(table.forced)
    assert not table.here
    assert table.predict(STOCK, SIZE) == built.predict(STOCK, SIZE)

    with pytest.raises(AbsentDeviceError, match="entries cannot be measured: --force: "):
        table.ensure(STOCK.resolve(96))
    with pytest.raises(AbsentDeviceError, match="whole detectors cannot be measured: --force: "):
        table.measure_wholes([STOCK], SIZE)
    with pytest.raises(InputError, match="--force: nothing is added to a table that does not fit: "):
        table.fit([STOCK], built.measure_wholes([STOCK], SIZE), SIZE)
    with pytest.raises(InputError, match="--force: nothing is added to a table that does not fit: "):
        table.merge(table.header, table.entries)
    with pytest.raises(InputError, match="--force: nothing is added to a table that does not fit: "):
        table.record(SIZE, {"bias": 0.0})
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
    table = forced(path)
    assert (table.forced, table.here) == ("", True)
    table.ensure(list(STOCK.resolve(96))[:2])
    assert len(load(path)[1]) == len(built) + 2
