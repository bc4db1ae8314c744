"""The table, on the fake runtime: everything is exact there."""

from __future__ import annotations

import json
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from nas.detectors.rows import Detector, ResolvedRow, Row
from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.files import tables_home
from nas.latency import opening, table_file
from nas.latency.builder import TableBuilder
from nas.latency.entries import Part
from nas.latency.errors import MissingEntryError
from nas.latency.modules import build
from nas.latency.opening import builder_for, open_builder
from nas.latency.runtimes.measure import Measurement
from nas.latency.runtimes.registry import choose
from nas.latency.store import COLUMNS, load, save
from nas.operators.registry import OPERATORS
from nas.spaces.space import load_space

SPACE = load_space("tiny")
STOCK = TEMPLATES["yolov8n"].stock(2)
SIZE = 64


def table(path: Path | None = None) -> TableBuilder:
    return builder_for(choose("fake"), path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TableBuilder:
    """The whole tiny space, calibrated."""
    made = table(tmp_path_factory.mktemp("table") / "t.csv")
    made.ensure(SPACE.rows(2, SIZE))
    made.calibrate([STOCK], SIZE)
    return made


def test_a_prediction_is_what_the_whole_takes(built: TableBuilder) -> None:
    rng = np.random.default_rng(0)
    detectors = [STOCK, *(SPACE.random(rng).detector(2) for _ in range(3))]
    for detector, measured in zip(detectors, built.measure_end_to_end(detectors, [SIZE] * 4), strict=True):
        prediction = built.table.predict(detector, SIZE)
        assert prediction.total_ms == pytest.approx(measured.ms, rel=1e-9)
        assert prediction.total_ms == pytest.approx(0.02 + sum(prediction.rows), rel=1e-9)
        assert len(prediction.rows) == len(detector.rows)
        assert min(prediction.rows) >= 0


def test_a_prediction_is_quick(built: TableBuilder) -> None:
    start = time.perf_counter()
    built.table.predict(STOCK, SIZE)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("name", "args", "repeats"),
    [
        ("C2f", (16, True), [1, 2, 5]),
        ("FasterBlock", (16, 4, 2), [1, 2, 5]),
        ("HetBlock", (16,), [2, 4]),
    ],
)
def test_depth_costs_no_entries(tmp_path: Path, name: str, args: tuple[object, ...], repeats: list[int]) -> None:
    """Base and marginal, from depths 1 and 3, give every depth; on the fake runtime exactly."""
    made = table(tmp_path / "t.csv")
    for n in repeats:
        resolved = row(name, args, n)
        made.ensure([resolved])
        expected = 1e3 * choose("fake").prepare(*build(resolved)).seconds() - 0.02
        assert made.table._row(Part.of(resolved)) == pytest.approx(expected, rel=1e-9)
    assert len(made.table) == 2


def test_the_inner_depth_of_our_shells_costs_no_entries(tmp_path: Path) -> None:
    made = table(tmp_path / "t.csv")
    made.ensure(row("CSPFaster", (16, n, 4, 2), 1) for n in (1, 2, 6))
    assert sorted(key.depth for key in made.table.entries) == [1, 3]
    resolved = row("CSPFaster", (16, 4, 4, 2), 2)
    expected = 1e3 * choose("fake").prepare(*build(resolved)).seconds() - 0.02
    assert made.table._row(Part.of(resolved)) == pytest.approx(expected, rel=1e-9)


def test_the_marginal_is_measured_only_where_depth_asks_for_it(tmp_path: Path) -> None:
    made = table(tmp_path / "t.csv")
    made.ensure(STOCK.resolve(SIZE))
    made.calibrate([STOCK], SIZE)
    rows = list(STOCK.rows)
    rows[2] = replace(rows[2], repeats=2)
    deeper = Detector(tuple(rows), STOCK.nc, STOCK.backbone)
    with pytest.raises(MissingEntryError, match=r'lacks 1 entry, among them C2f \[32, 32, "n", true, .* at depth 3'):
        made.table.predict(deeper, SIZE)
    before = len(made.table)
    made.ensure(deeper.resolve(SIZE))
    assert len(made.table) == before + 1
    assert made.table.predict(deeper, SIZE).total_ms > made.table.predict(STOCK, SIZE).total_ms


def row(name: str, args: tuple[object, ...], repeats: int) -> ResolvedRow:
    inputs = ((16, 8, 8),)
    call = OPERATORS[name].resolve(inputs, repeats, args)
    return ResolvedRow(0, Row((-1,), repeats, name, args), inputs, call)


def test_equal_modules_share_an_entry(tmp_path: Path) -> None:
    """Defaults written out or left out, 2 or 2.0: the same module."""
    made = table(tmp_path / "t.csv")
    made.ensure([row("FasterBlock", (16, 4, 2), 1), row("FasterBlock", (16, 4, 2.0), 1), row("FasterBlock", (16,), 1)])
    assert len(made.table) == 1


def test_what_was_not_measured_is_an_error(built: TableBuilder, tmp_path: Path) -> None:
    with pytest.raises(MissingEntryError, match=r"lacks 1 entry, among them Detect \[7, "):
        built.table.predict(TEMPLATES["yolov8n"].stock(7), SIZE)
    with pytest.raises(MissingEntryError, match="lacks"):
        built.table.predict(STOCK, 96)
    made = table(tmp_path / "t.csv")
    with pytest.raises(MissingEntryError, match="lacks"):
        made.table.predict(STOCK, SIZE)
    made.ensure(STOCK.resolve(SIZE))
    with pytest.raises(MissingEntryError, match="is not calibrated at 64 pixels"):
        made.table.predict(STOCK, SIZE)


def test_round_trip(built: TableBuilder) -> None:
    again = table(built.table.path)
    assert again.table.predict(STOCK, SIZE) == built.table.predict(STOCK, SIZE)
    assert again.table.header == built.table.header
    assert again.table.hash == built.table.hash


def test_a_table_is_extended_in_place(tmp_path: Path) -> None:
    rows = list(STOCK.resolve(SIZE))
    shares: list[float] = []
    made = table(tmp_path / "t.csv")
    made.ensure(rows[:3], shares.append)
    first = (tmp_path / "t.csv").read_text()
    assert shares == [1.0]
    again = table(tmp_path / "t.csv")
    again.ensure(rows, shares.append)
    assert (tmp_path / "t.csv").read_text().startswith(first)
    assert len(table(tmp_path / "t.csv").table) == len(again.table) > 3


def test_calibration_is_done_once_a_size(built: TableBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TableBuilder, "measure_end_to_end", None)
    assert built.calibrate([STOCK], SIZE).factor == pytest.approx(1, abs=1e-9)


def test_measuring_leaves_the_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    made = table(tmp_path / "t.csv")
    made.ensure(list(STOCK.resolve(SIZE))[:2])
    made.measure_end_to_end([STOCK], [SIZE])
    assert torch.rand(1) == expected


def test_tables_lie_in_the_users_folder(home_folder: Path) -> None:
    made = table()
    made.ensure(list(STOCK.resolve(SIZE))[:1])
    assert made.table.path.parent == home_folder / "latency_tables" == tables_home()
    assert made.table.path.name.startswith("cpu-")
    assert f"-fake-1-t1-{made.table.hash}.csv" in made.table.path.name
    assert json.loads(made.table.path.with_suffix(".json").read_text())["identity"] == made.table.fingerprint
    assert len(table().table) == 1
    assert builder_for(choose("fake", threads=2)).table.path != made.table.path


@pytest.fixture
def home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARETO_YOLO_HOME", str(tmp_path))
    return tmp_path


def test_a_shipped_table_is_read_and_extended_at_home(
    home_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = table()
    made.ensure(list(STOCK.resolve(SIZE))[:1])
    (tmp_path / "shipped").mkdir()
    for file in (made.table.path, made.table.path.with_suffix(".json")):
        file.rename(tmp_path / "shipped" / file.name)
    monkeypatch.setattr(opening, "shipped", lambda folder: tmp_path / "shipped")
    again = table()
    assert len(again.table) == 1
    again.ensure(list(STOCK.resolve(SIZE))[:2])
    assert len(table().table) == 2
    assert made.table.path.exists()


def test_rebuilding_drops_what_is_there(tmp_path: Path) -> None:
    made = table(tmp_path / "t.csv")
    made.ensure(list(STOCK.resolve(SIZE))[:2])
    again = builder_for(choose("fake"), made.table.path, rebuild=True)
    assert len(again.table) == 0
    assert len(load(made.table.path)[1]) == len(made.table)  # until something takes its place
    (row,) = list(STOCK.resolve(SIZE))[2:3]
    again.ensure([row])
    assert load(made.table.path)[1] == again.table.entries
    assert not again.table.entries.keys() & made.table.entries.keys()


def test_what_is_dropped_does_not_come_back(tmp_path: Path) -> None:
    """Not by another process that was measuring when the table was rebuilt, and goes on."""
    rows = list(STOCK.resolve(SIZE))
    slow = table(tmp_path / "t.csv")
    slow.ensure(rows[:1])
    wrong = dict.fromkeys(slow.table.entries, Measurement(999.0, 1.0, 4))
    save(slow.table.path, slow.table.header, wrong)
    slow.ensure(rows[:2])
    assert wrong.items() <= slow.table.entries.items()
    builder_for(choose("fake"), slow.table.path, rebuild=True).ensure(rows[2:3])
    slow.ensure(rows[3:4])
    assert set(load(slow.table.path)[1]) == {key for row in rows[:4] for key in Part.of(row).needs()}
    assert 999.0 not in {entry.ms for entry in load(slow.table.path)[1].values()}
    save(slow.table.path, slow.table.header, wrong)
    slow.ensure(rows[4:5])
    slow.table.path.unlink()
    slow.ensure(rows[5:6])
    assert 999.0 not in {entry.ms for entry in load(slow.table.path)[1].values()}


def test_whoever_waits_for_a_table_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table_file, "PATIENCE", 0.0)
    held = threading.Event()

    def hold() -> None:
        with FileLock(tmp_path / "t.csv.lock"):
            held.set()
            time.sleep(0.5)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    waiting = table(tmp_path / "t.csv")
    waiting.ensure(list(STOCK.resolve(SIZE))[:1])
    other.join()
    assert (
        capsys.readouterr().err == f"{waiting.table.path}: another process is measuring for it; waiting until it ends\n"
    )


@pytest.mark.parametrize(
    ("files", "foreign"),
    [
        ({}, False),
        ({"t.csv": "name,arch\n"}, True),
        ({"t.json": '{"colour": "blue"}'}, True),
        ({"t.json": "[1]"}, True),
        ({"t.csv": "name,arch\n", "t.json": "{"}, True),
        ({"t.csv": f"{','.join(COLUMNS)}\n"}, False),
        ({"t.csv": f"{','.join(COLUMNS)}\n", "t.json": "{"}, False),
        ({"t.csv": "torn", "t.json": '{"identity": {}}'}, False),
    ],
)
def test_files_of_something_else_are_not_overwritten(tmp_path: Path, files: dict[str, str], foreign: bool) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for rebuild in (False, True):
        refused = pytest.raises(InputError, match="belongs to something else; give another path")
        damaged = pytest.raises(InputError) if "t.csv" in files and not rebuild else nullcontext()
        with refused if foreign else damaged:
            open_builder(runtime="fake", path=tmp_path / "t.csv", rebuild=rebuild)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files
