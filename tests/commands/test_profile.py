"""``python -m nas.profile`` as a person runs it."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nas import cli
from nas.detectors.costs import row_cost
from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.latency.opening import builder_for
from nas.latency.runtimes.registry import choose
from nas.operators.registry import OPERATORS
from nas.profile import app
from nas.spaces.space import load_space

FAKE = ("--runtime", "fake")
TOTAL = ["params", "macs", "memory_access", "weight_bytes", "latency_ms"]


class Result(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def profile(*options: str, cwd: Path) -> Result:
    """The command, in this process: an interpreter for each would take seconds."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with pytest.raises(SystemExit) as ended:
            cli.run(lambda: app(options, standalone_mode=False))
    assert isinstance(ended.value.code, int)
    return Result(ended.value.code, out.getvalue(), err.getvalue())


def profiled(*options: str, cwd: Path) -> dict[str, Any]:
    result = profile(*options, *FAKE, "--json", cwd=cwd)
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)  # JSON and nothing else
    assert list(content) == ["total", "rows", "forced"]
    assert content["forced"] == ""
    assert list(content["total"]) == TOTAL
    return content  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the stock model of 3 classes."""
    (tmp_path / "stock.yaml").write_text(to_yaml(TEMPLATES["yolov8n"].stock(3)))
    return tmp_path


def test_json(folder: Path, home: Path) -> None:
    content = profiled("stock.yaml", "--nc", "80", cwd=folder)
    total, rows = content["total"], content["rows"]
    # parameters; convolutions and DFL; parameters when fused, of 4 bytes, and the DFL's 16
    assert total["params"] == 3_157_200
    assert total["macs"] == 4_371_456_000 + 537_600
    assert total["weight_bytes"] == 4 * 3_151_904
    assert total["latency_ms"] is None
    for name in TOTAL[:-1]:
        assert total[name] == sum(row[name] for row in rows)
    assert rows[4] == {
        "row": 4,
        "from": [-1],
        "module": "C2f",
        "repeats": 2,
        "args": [64, True],
        "output": [64, 80, 80],
        "params": 49_664,
        "macs": 314_572_800,
        # 1x1 64 to 64, four 3x3 32 to 32, 1x1 128 to 64, on 80 x 80
        "memory_access": 6400 * (128 + 4 * 64 + 192) + 64 * 64 + 4 * 9 * 32 * 32 + 128 * 64,
        "weight_bytes": 4 * 49_408,
        "latency_ms": None,
    }
    assert rows[-1]["output"] == [84, 8400]
    assert rows[-1]["from"] == [15, 18, 21]
    assert not list(home.rglob("*")), "no table is made"


@pytest.mark.parametrize("command", [("nas", "profile"), ("nas.profile",)])
def test_commands(command: tuple[str, ...], folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command, "none.yaml", *FAKE], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: none.yaml: no such file; give the path of a model YAML\n"


def test_text(folder: Path) -> None:
    result = profile("stock.yaml", "--nc", "80", *FAKE, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "total: 3,157,200 params; 4,371,993,600 MACs; " in result.stdout
    assert "trainers print twice that, as GFLOPs" in result.stdout
    build = "python -m nas.latency build --imgsz 640 --device cpu --runtime fake --threads 1"
    assert f"no latency: no table of this device with fake yet; {build} builds it" in result.stdout
    head = next(line for line in result.stdout.splitlines() if "Detect" in line)
    assert head.split() == ["22", "[15,", "18,", "21]", "Detect", "1", "80", "84x8400", "897,664"] + head.split()[9:]
    assert head.split()[9] == "1,811.17"
    assert "…" not in result.stdout


def test_size_and_classes(folder: Path) -> None:
    small = profiled("stock.yaml", "--imgsz", "320", cwd=folder)
    assert small["total"]["params"] == 3_011_433  # nc 3
    assert small["rows"][9]["output"] == [256, 10, 10]


def test_architecture_string(folder: Path) -> None:
    member = load_space("yolov8n").stock()
    assert profiled(str(member), cwd=folder)["total"]["params"] == 3_157_200
    assert profiled(str(member), "--nc", "3", cwd=folder)["total"]["params"] == 3_011_433


def test_an_architecture_brings_its_image_size(folder: Path) -> None:
    named = str(replace(load_space("yolov8n").stock(), imgsz=320))
    assert profiled(named, cwd=folder)["total"] == profiled(named, "--imgsz", "320", cwd=folder)["total"]
    refused = profile(named, "--imgsz", "640", cwd=folder)
    assert refused.returncode == 2
    assert refused.stderr.endswith("is for images of 320 px; give --imgsz 320, or drop @320\n")


def test_latency_from_a_table(folder: Path) -> None:
    stock, table = from_yaml(folder / "stock.yaml"), builder_for(choose("fake"))
    table.ensure(stock.resolve(64))
    table.calibrate([stock], 64)
    kept = {path: path.read_bytes() for path in table.table.path.parent.iterdir()}
    predicted = table.table.predict(stock, 64)
    found = profiled("stock.yaml", "--imgsz", "64", cwd=folder)
    assert found["total"]["latency_ms"] == pytest.approx(predicted.total_ms)
    assert [row["latency_ms"] for row in found["rows"]] == pytest.approx(predicted.rows)
    # Another number of classes: the head is not known, and the whole is not guessed.
    found = profiled("stock.yaml", "--imgsz", "64", "--nc", "9", cwd=folder)
    assert found["total"]["latency_ms"] is None
    assert found["rows"][-1]["latency_ms"] is None
    assert [row["latency_ms"] for row in found["rows"][:-1]] == pytest.approx(predicted.rows[:-1])
    predict = "python -m nas.latency predict stock.yaml --imgsz"
    for options, line in [
        (["--nc", "9", "--imgsz", "64"], f"no latency for 1 of 23 rows: {table.table.path} lacks them; {predict} 64"),
        (["--imgsz", "96"], f"no latency: {table.table.path} is for 64, not 96 pixels; {predict} 96"),
    ]:
        result = profile("stock.yaml", *options, *FAKE, "--json", "--table", str(table.table.path), cwd=folder)
        assert result.returncode == 0
        assert result.stderr.startswith(f"{line} --device cpu --runtime fake --threads 1")
        assert result.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in table.table.path.parent.iterdir()} == kept


def test_a_table_of_something_else(folder: Path) -> None:
    table = builder_for(choose("fake"))
    table.ensure([next(TEMPLATES["yolov8n"].stock(3).resolve(64))])
    other = builder_for(choose("fake", threads=2), folder / "mine.csv")
    other.ensure([next(TEMPLATES["yolov8n"].stock(3).resolve(64))])
    result = profile("stock.yaml", *FAKE, "--table", "mine.csv", cwd=folder)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "mine.csv: of another device or runtime: threads is 2 there and 1 here" in result.stderr
    # One that was not asked for by name is told of, and in the way of nothing.
    table.table.path.write_text("damaged")
    result = profile("stock.yaml", *FAKE, cwd=folder)
    assert result.returncode == 0
    assert f"no latency: {table.table.path}" in result.stdout


def test_assumptions_are_told(folder: Path) -> None:
    scaled = "scales: {n: [1.0, 1.0, 1024]}\n" + (folder / "stock.yaml").read_text()
    (folder / "mine.yaml").write_text(scaled)
    result = profile("mine.yaml", *FAKE, "--json", cwd=folder)
    assert result.stderr.startswith("mine.yaml: no scale in the file's name: n, the first of scales, is taken")
    assert json.loads(result.stdout)["total"]["params"] == 3_011_433


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Missing argument 'model'"),
        (["none.yaml"], "none.yaml: no such file; give the path of a model YAML"),
        (["yolov8n.9/p2:c2f"], "yolov8n.9/p2:c2f: version: yolov8n has version 1 in this release, not '9'"),
        (["stock.yaml", "--imgsz", "100"], "--imgsz 100: must be a multiple of 32; give 96"),
        (["stock.yaml", "--nc", "0"], "--nc 0: must be the number of classes, 1 or more"),
        (["stock.yaml", "--device", "toaster"], "--device toaster"),
        (["stock.yaml", "--runtime", "abacus"], "--runtime abacus: no such runtime"),
        (["stock.yaml", "--table", "none.csv"], "--table none.csv: no such file"),
        (["unknown.yaml"], "unknown.yaml: row 9 (SPPX): unknown module SPPX; known are Conv"),
        (["classless.yaml"], "classless.yaml: nc: must be the number of classes, not None"),
        (["wrong.yaml"], "wrong.yaml: row 9: expected [from, repeats, module, args], got [-1, 'SPPF']"),
    ],
)
def test_bad_input(options: list[str], message: str, folder: Path) -> None:
    stock = (folder / "stock.yaml").read_text()
    (folder / "unknown.yaml").write_text(stock.replace("SPPF", "SPPX"))
    (folder / "classless.yaml").write_text(stock.replace("nc: 3", ""))
    (folder / "wrong.yaml").write_text(stock.replace("[-1, 1, SPPF, [256, 5]]", "[-1, SPPF]"))
    result = profile(*FAKE, *options, cwd=folder)
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith(f"error: {message}")
    assert result.stderr.count("\n") == 1
    assert not result.stdout


@pytest.mark.parametrize(
    ("name", "params", "kinds"),
    [
        # files that Ultralytics ships, the scale in the name alone
        ("v8/yolov8n.yaml", 3_157_200, ()),
        ("v8/yolov8s.yaml", 11_166_560, ()),
        ("v8/yolov8m.yaml", 25_902_640, ()),
        ("v5/yolov5n.yaml", 2_654_816, ("C3",)),
        ("11/yolo11n.yaml", 2_624_080, ("C3k2", "C2PSA")),
        ("11/yolo11s.yaml", 9_458_752, ("C3k2", "C2PSA")),
        ("11/yolo11m.yaml", 20_114_688, ("C3k2", "C2PSA")),
        ("12/yolo12n.yaml", 2_602_288, ("C3k2", "A2C2f")),
        ("12/yolo12s.yaml", 9_284_096, ("C3k2", "A2C2f")),
        ("12/yolo12l.yaml", 26_450_784, ("C3k2", "A2C2f")),
        ("26/yolo26n.yaml", 2_572_280, ("C3k2", "C2PSA", "v10Detect")),
        ("26/yolo26s.yaml", 10_009_784, ("C3k2", "C2PSA", "v10Detect")),
        ("v10/yolov10n.yaml", 2_775_520, ("SCDown", "C2fCIB", "PSA", "v10Detect")),
        ("v9/yolov9t.yaml", 2_128_720, ("ELAN1", "AConv", "RepNCSPELAN4", "SPPELAN")),
        ("v9/yolov9s.yaml", 7_318_368, ("ELAN1", "AConv", "RepNCSPELAN4", "SPPELAN")),
    ],
)
def test_stock_yamls_of_ultralytics(name: str, params: int, kinds: tuple[str, ...]) -> None:
    found = importlib.util.find_spec("ultralytics")
    if found is None or found.origin is None:
        pytest.skip("the ultralytics extra is not installed")
    if lacking := set(kinds) - set(OPERATORS):
        pytest.skip(f"no operator yet: {', '.join(lacking)}")
    told: list[str] = []
    detector = from_yaml(Path(found.origin).parent / "cfg" / "models" / name, notify=told.append)
    assert sum(row_cost(row).params for row in detector.resolve()) == params
    assert not told
