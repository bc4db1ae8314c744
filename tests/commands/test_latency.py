"""``python -m nas.latency`` as a person runs it."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import typer

import nas.profile
from nas import cli
from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import to_yaml
from nas.latency import __main__ as latency_command
from nas.latency.builder import TableBuilder
from nas.latency.listing import list_tables
from nas.latency.modules import end_to_end
from nas.latency.opening import builder_for
from nas.latency.runtimes.measure import Bench, Noise
from nas.latency.runtimes.registry import choose
from nas.latency.store import load, save
from nas.spaces.space import load_space

SIZE = 64
FAKE = ("--runtime", "fake", "--imgsz", str(SIZE))
STOCK = TEMPLATES["yolov8n"].stock(6)


class Result(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(app: typer.Typer, *options: str) -> Result:
    """A command, in this process: an interpreter for each would take seconds."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.run(lambda: app(options, standalone_mode=False))
    assert isinstance(ended.value.code, int)
    return Result(ended.value.code, out.getvalue(), err.getvalue())


def latency(*options: str) -> Result:
    return run(latency_command.app, *options)


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert (result.returncode, result.stdout) == (2, ""), result
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def takes(detector: Detector, imgsz: int = SIZE) -> float:
    """Latency of a detector on the fake runtime in ms, without a table."""
    return 1e3 * choose("fake").prepare(*end_to_end(detector, imgsz)).seconds()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table for two threads, as `build` makes it."""
    path = tmp_path_factory.mktemp("built") / "t.csv"
    result = latency("build", "--space", "tiny", "--nc", "6", "--threads", "2", "--table", str(path), *FAKE)
    assert result.returncode == 0, result.stderr
    entries = len(pd.read_csv(path))
    assert f"{path}: {entries} entries, {entries} of them new, in " in result.stdout
    assert f"calibration at {SIZE} px: factor 1.000, fitted on 8 models" in result.stdout
    assert "warning" not in result.stdout
    return path


@pytest.fixture
def table(built: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    for file in (built, built.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    return tmp_path / built.name


@pytest.fixture
def stock(tmp_path: Path) -> str:
    path = tmp_path / "stock.yaml"
    path.write_text(to_yaml(STOCK))
    return str(path)


def test_what_was_built_holds_every_member(table: Path) -> None:
    made = builder_for(choose("fake", threads=2), table)
    assert not made.table.missing(load_space("tiny").rows(6, SIZE))
    before = table.read_bytes()
    result = latency("build", "--space", "tiny", "--nc", "6", "--threads", "2", "--table", str(table), *FAKE)
    assert result.returncode == 0
    assert " 0 of them new" in result.stdout
    assert table.read_bytes() == before


def test_several_spaces_and_sizes(tmp_path: Path) -> None:
    narrow = load_space("tiny").path.read_text()
    for old, new in (("[16, 32]", "[32]"), ("[32, 64]", "[64]"), ("[64, 128]", "[128]"), ("[128, 256]", "[256]")):
        assert old in narrow
        narrow = narrow.replace(old, new)
    (tmp_path / "a.yaml").write_text(
        narrow.replace("  faster: {shell: [plain, csp], n_div: [4], expansion: [2]}\n", "")
    )
    (tmp_path / "b.yaml").write_text(narrow.replace("expansion: [2]", "expansion: [3]"))
    spaces = [word for name in "ab" for word in ("--space", str(tmp_path / f"{name}.yaml"))]
    path = tmp_path / "t.csv"
    result = latency("build", *spaces, "--nc", "2", "--table", str(path), *FAKE, "--imgsz", "32")
    assert result.returncode == 0, result.stderr
    made = builder_for(choose("fake"), path)
    for name, size in (("a", SIZE), ("b", SIZE), ("a", 32), ("b", 32)):
        assert not made.table.missing(load_space(tmp_path / f"{name}.yaml").rows(2, size))
    assert set(made.table.header.calibrations) == {"32", str(SIZE)}


@pytest.mark.parametrize("rebuild", [False, True])
def test_ctrl_c_during_build(rebuild: bool, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header, entries = load(table)
    header.calibrations.clear()
    save(table, header, entries)
    command = ["build", "--space", "tiny", "--nc", "6", "--threads", "2", "--table", str(table), *FAKE]

    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TableBuilder, "calibrate", interrupted)
        result = latency(*command, *(["--rebuild"] if rebuild else []))
    assert result.returncode == 130
    again = "the same command without --rebuild continues" if rebuild else "the same command continues"
    assert f"interrupted; finished measurements are saved, and {again}" in result.stdout
    assert not result.stderr
    assert len(load(table)[1]) == len(entries)
    result = latency(*command)
    assert result.returncode == 0
    assert " 0 of them new" in result.stdout
    assert str(SIZE) in load(table)[0].calibrations


@pytest.mark.parametrize(
    ("noise", "warned"),
    [(Noise(0.9, 0.01), False), (Noise(0.3, None), True), (Noise(0.9, 0.2), True)],
)
def test_a_noisy_machine(noise: Noise, warned: bool, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "noise", noise)
    monkeypatch.setattr(Bench, "last", property(lambda bench: noise, lambda bench, value: None), raising=False)
    options = ("--nc", "5", "--threads", "2", "--table", str(table))
    result = latency("build", "--space", "tiny", *options, *FAKE)
    assert result.returncode == 0
    assert str(noise) in result.stdout
    assert (f"warning: 1 entry of {table} was measured while the machine was too noisy" in result.stdout) == warned
    again = f"build --space tiny --imgsz {SIZE} --nc 5 --device cpu --runtime fake --threads 2 --table {table}"
    assert (f"python -m nas.latency {again}" in result.stdout) == warned


def predicted(*options: str) -> dict[str, Any]:
    result = latency("predict", *options, *FAKE, "--json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)  # JSON and nothing else
    assert list(content) == ["models", "table", "forced"]
    return content  # type: ignore[no-any-return]


def test_predict(table: Path, stock: str) -> None:
    member = next(iter(load_space("tiny").uniform_replacements()))
    options = ("--threads", "2", "--table", str(table))
    content = predicted(stock, str(member), "--nc", "6", *options)
    assert content["table"] == str(table)
    assert content["forced"] == ""
    for model, name, detector in zip(content["models"], (stock, str(member)), (STOCK, member.detector(6)), strict=True):
        params, macs, *_ = cost(detector, SIZE)
        figures = {"latency_ms": pytest.approx(takes(detector)), "params": params, "macs": macs}
        assert model == {"model": name, "imgsz": SIZE, **figures}
    text = latency("predict", stock, *options, *FAKE)
    assert text.returncode == 0
    line = next(line for line in text.stdout.splitlines() if line.strip().startswith(stock))
    # The fake runtime's overhead is 20 us.
    assert line.split() == [stock, str(SIZE), f"{takes(STOCK):.3f}", f"{takes(STOCK) - 0.02:.3f}", "0.020"]
    assert f"{table}; calibration at {SIZE} px: factor 1.000, fitted on 8 models" in text.stdout
    assert "warning" not in text.stdout + text.stderr


def test_an_architecture_brings_its_image_size(home: Path) -> None:
    """As a search over several writes it; both are predicted, each at its own."""
    member = next(iter(load_space("tiny").uniform_replacements()))
    names = [str(member), str(replace(member, imgsz=96))]
    result = latency("predict", *names, "--nc", "6", "--runtime", "fake", "--json")
    assert [model["imgsz"] for model in json.loads(result.stdout)["models"]] == [320, 96]
    refused = latency("predict", *names, *FAKE)
    assert refused.returncode == 2
    assert refused.stderr.endswith("is for images of 96 px; give --imgsz 96, or drop @96\n")


def test_predict_measures_what_is_missing(home: Path, stock: str) -> None:
    content = predicted(stock)
    assert content["models"][0]["latency_ms"] == pytest.approx(takes(STOCK))
    (listed,) = list_tables()
    assert content["table"] == str(listed.path)
    assert listed.contents is not None
    # As `build` does it, and not on the model that was asked for.
    assert listed.contents[0].calibrations[str(SIZE)].n == 8
    before = listed.path.read_bytes()
    assert predicted(stock) == content
    assert listed.path.read_bytes() == before


@pytest.fixture
def pi5(table: Path, home: Path) -> Path:
    """The table as one that was brought home from a device that is not here."""
    header, entries = load(table)
    header.identity["device"] = "pi5"
    path = home / "latency_tables" / "pi5.csv"
    save(path, header, entries)
    return path


def test_a_device_that_is_not_here(pi5: Path, stock: str) -> None:
    options = ("--device", "pi5", "--threads", "2")
    content = predicted(stock, *options)
    assert content["models"][0]["latency_ms"] == pytest.approx(takes(STOCK))
    assert content["table"] == str(pi5)
    # Two heads of other classes: both are listed, and the kit that measures them is named.
    before = pi5.read_bytes()
    for extra in ((), ("--json",)):
        line = refused(latency("predict", stock, stock, "--nc", "9", *options, *FAKE, *extra))
        assert f"{pi5}: lacks 1 entry: Detect [9, " in line
        assert "python -m nas.latency bundle DIR --device pi5" in line
    line = refused(latency("predict", stock, *options, *FAKE, "--imgsz", "96"))
    missing = len({part for part in line.split("; ") if " at depth " in part})
    assert f"lacks a calibration at 96 pixels and {missing} entries: " in line
    assert missing > 15
    line = refused(latency("build", "--space", "tiny", "--nc", "9", *options, *FAKE))
    assert "--device pi5: is not this machine, so nothing can be measured" in line
    assert "python -m nas.latency bundle DIR --device pi5" in line
    assert "is not this machine, so nothing can be measured" in refused(latency("build", "--rebuild", *options, *FAKE))
    assert pi5.read_bytes() == before


MISFIT = "of another device or runtime: threads is 2 there and 1 here"


def test_force(table: Path, stock: str) -> None:
    """A table for two threads, asked for one."""
    before = table.read_bytes()
    line = refused(latency("predict", stock, *FAKE, "--table", str(table)))
    assert f"{table}: {MISFIT}; measure anew: python -m nas.latency build --rebuild" in line
    assert predicted(stock, "--table", str(table), "--force")["forced"] == f"{table}: {MISFIT}"
    warning = f"warning: forced latencies, of a table that does not fit this device: {table}: {MISFIT}"
    for command in ((latency_command.app, "predict", stock), (nas.profile.app, stock)):
        result = run(*command, *FAKE, "--table", str(table), "--force")
        assert result.returncode == 0
        assert warning in " ".join(result.stdout.split())
    found = json.loads(run(nas.profile.app, stock, *FAKE, "--table", str(table), "--force", "--json").stdout)
    assert found["forced"] == f"{table}: {MISFIT}"
    assert found["total"]["latency_ms"] == pytest.approx(takes(STOCK))
    # What it lacks is measured neither here nor there.
    line = refused(latency("predict", stock, "--nc", "9", *FAKE, "--table", str(table), "--force"))
    assert f"{table}: lacks 1 entry: Detect [9, " in line
    assert f"nothing is measured with --force ({table}: {MISFIT})" in line
    assert shlex.join(["python", "-m", "nas.latency", "predict", stock, "--imgsz", str(SIZE)]) in line
    assert table.read_bytes() == before
    # A table that fits is not forced.
    assert predicted(stock, "--threads", "2", "--table", str(table), "--force")["forced"] == ""


def test_search_by_force(table: Path, tmp_path: Path) -> None:
    before = table.read_bytes()
    options = ["--space", "tiny", "--steps", "1", *FAKE, "--table", str(table), "--force"]
    command = [sys.executable, "-m", "nas.search", *options]
    result = subprocess.run(
        [*command, "--budget", "1", "--out", "run"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    run = tmp_path / "run"
    reason = f"{table}: {MISFIT}"
    warning = f"warning: forced latencies, of a table that does not fit this device: {reason}"
    facts = json.loads((run / "run.json").read_text())
    assert facts["forced"] == reason
    assert facts["fingerprint"]["threads"] == 2  # the table's, not this device's
    for name in ("trials.csv", "pareto.csv"):
        frame = pd.read_csv(run / name)
        assert len(frame) and set(frame.forced) == {reason}
    for file in (run / "pareto").glob("*.yaml"):
        assert f"# {warning}\n" in file.read_text()
    html = (run / "report.html").read_text()
    assert f'<p class="warning">W{warning[1:]}.</p>' in html
    assert "latency, ms (forced table)" in html
    assert result.stdout.count(warning) == 2
    assert "; the table does not fit this device" in " ".join(result.stdout.split())
    assert table.read_bytes() == before
    # What the table lacks is told before anything is spent.
    result = subprocess.run(
        [part if part != str(SIZE) else "96" for part in [*command, "--out", "other"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    said = refused(Result(result.returncode, result.stdout, result.stderr))
    assert "--force: " in said and f"cannot be measured: {reason}; drop --force to measure" in said
    assert not (tmp_path / "other" / "run.json").exists()


def test_list(pi5: Path, table: Path, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    monkeypatch.setattr("nas.latency.listing.shipped", lambda folder: shipped)
    header, entries = load(table)
    header.cards["64"] = {"within_5pct": 0.925, "mean_error": 0.0134, "spearman": 0.99}
    header = replace(header, quiet=0.25, noisy=None)  # as an earlier release wrote it
    save(shipped / "s.csv", header, entries)
    damaged = home / "latency_tables" / "damaged.csv"
    save(damaged, header, entries)
    damaged.write_text(damaged.read_text().replace(",1,", ",2,", 1))
    content = json.loads(latency("list", "--json").stdout)
    assert list(content) == ["tables"]
    broken, mine, ships = content["tables"]
    assert (broken["path"], broken["shipped"]) == (str(damaged), False)
    assert broken["damaged"].startswith(f"{damaged}: line 2: ")
    assert (mine["path"], mine["device"], mine["damaged"], mine["cards"]) == (str(pi5), "pi5", "", {})
    assert (ships["path"], ships["shipped"]) == (str(shipped / "s.csv"), True)
    for name in ("device", "cpu", "runtime", "version", "threads", "precision"):
        assert ships[name] == header.identity[name]
    assert (ships["sizes"], ships["entries"], ships["date"]) == ([SIZE], len(entries), header.date)
    assert ships["noise"] == {"quiet": 0.25, "steal": None, "too_much": True}
    assert ships["cards"] == header.cards
    text = latency("list").stdout
    assert f"{damaged}\n  damaged: {broken['damaged']}\n" in text
    assert f"{pi5}\n  pi5 (" in text
    assert f"{shipped / 's.csv'} (shipped)\n  cpu (" in text
    assert "fake 1, 2 threads, float32" in text
    assert "; 25% of the samples in quiet windows; TOO NOISY to be trusted" in text
    assert "report card at 64 px: 92.5% within 5 %, 1.3% mean error" in text
    for options, paths in [
        (("--device", "pi5"), [pi5]),
        (("--device", "cpu"), [shipped / "s.csv"]),
        (("--threads", "1"), []),
        (("--runtime", "fake", "--imgsz", "64"), [pi5, shipped / "s.csv"]),
        (("--imgsz", "96"), []),
    ]:
        listed = json.loads(latency("list", *options, "--json").stdout)["tables"]
        # One that is damaged is never hidden.
        assert [row["path"] for row in listed] == [str(damaged), *map(str, paths)]


def test_no_table_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("nas.latency.listing.shipped", lambda folder: tmp_path)
    result = latency("list")
    assert (result.returncode, result.stdout.count("\n")) == (0, 1)
    assert "python -m nas.latency build" in result.stdout
    assert json.loads(latency("list", "--json").stdout) == {"tables": []}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Missing command"),
        (["bild"], "No such command 'bild'"),
        (["predict"], "Missing argument 'models"),
        (["build", "--imgsz", "100"], "--imgsz 100: must be a multiple of 32; give 96"),
        (["build", "--imgsz", "64", "--imgsz", "0"], "--imgsz 0: must be a multiple of 32; give 32"),
        (["build", "--nc", "0"], "--nc 0: must be the number of classes, 1 or more"),
        (["build", "--space", "nowhere"], "--space nowhere: no such space"),
        (["build", "--device", "toaster"], "--device toaster: is not this machine, so nothing can be measured"),
        (["build", "--runtime", "abacus"], "--runtime abacus: no such runtime"),
        (
            ["build", "--threads", "0", "--runtime", "fake"],
            "Invalid value for '--threads': Input should be greater than or equal to 1",
        ),
        (["build", "--colour", "red"], "No such option: --colour"),
        (["predict", "none.yaml"], "none.yaml: no such file; give the path of a model YAML"),
        (["predict", "yolov8n.9/p2:c2f"], "yolov8n.9/p2:c2f: version: yolov8n has version 1 in this release, not '9'"),
        (["predict", "none.yaml", "--imgsz", "33"], "--imgsz 33: must be a multiple of 32; give 32"),
    ],
)
def test_bad_input(options: list[str], message: str, home: Path) -> None:
    assert refused(latency(*options)).startswith(f"error: {message}")
    assert not list(home.rglob("*.csv"))


def test_a_damaged_table(table: Path, stock: str) -> None:
    table.write_text(table.read_text()[:-9])
    for command in (["predict", stock], ["build"]):
        line = refused(latency(*command, *FAKE, "--threads", "2", "--table", str(table)))
        assert f"{table}: line " in line
        assert "measure anew: python -m nas.latency build --rebuild --device cpu --runtime fake --threads 2" in line


def test_the_command(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "nas", "latency", "list", "--device", "none", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"tables": []}
