"""``python -m nas.latency bundle`` and ``import``, and a search for a device that is not here."""

from __future__ import annotations

import json
import operator
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from PIL import Image

from nas import cli
from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.detectors.yaml_files import from_yaml
from nas.errors import InputError
from nas.execution.local_workers import LocalWorkers
from nas.latency import __main__ as latency
from nas.latency.checking import held_out_models
from nas.latency.fingerprint import file_name, identity
from nas.latency.opening import builder_for
from nas.latency.runtimes import measure
from nas.latency.runtimes.registry import choose
from nas.latency.store import save
from nas.proxies.outcome import Outcome
from nas.search import __main__ as search
from nas.spaces.architecture import decode
from nas.spaces.space import load_space

pytest.importorskip("onnxruntime")

SPACE = load_space("tiny")
SIZE, CLASSES = 64, 2
OPTIONS = ("--device", "pi5", "--runtime", "onnxruntime")
SEARCH = ("--space", "tiny", "--data", "set/data.yaml", "--imgsz", str(SIZE), "--budget", "8", "--seed", "3", *OPTIONS)


def call(command: ModuleType, *options: object) -> None:
    """Run a command in this process: importing it takes longer than what most of them do here."""
    command.app([str(option) for option in options], standalone_mode=False)


def refused(command: ModuleType, *options: object) -> str:
    """The one line of a command that was refused."""
    with pytest.raises(InputError) as raised:
        call(command, *options)
    text = raised.value.text(cli.spell)
    assert "\n" not in text
    return text


def write_data(folder: Path) -> Path:
    """A data set of a few images, for trainings of seconds."""
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for index in range(2):
            Image.new("RGB", (64, 64), (90, 120, 150)).save(folder / "images" / split / f"{index}.png")
            (folder / "labels" / split / f"{index}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [a, b]\n")
    return folder / "data.yaml"


def bring_table(folder: Path) -> None:
    """A table of the device pi5 in the user's folder: what the fake runtime computes, as if onnxruntime had."""
    made = builder_for(choose("fake"), folder / "made.csv")
    made.ensure(SPACE.rows(CLASSES, SIZE))
    made.calibrate(SPACE.calibration(CLASSES), SIZE)
    fingerprint = identity(choose("onnxruntime")) | {"device": "pi5", "cpu": "Cortex-A76"}
    header = replace(made.table.header, identity=fingerprint)
    save(folder / "latency_tables" / file_name(fingerprint), header, made.table.entries)


class Weigher(LocalWorkers):
    """Scores a candidate by its parameters, at once, in place of training it."""

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        done: Future[Outcome] = Future()
        done.set_result(Outcome(cost(detector).params / 1e7 + seed * 1e-4, 0.0, ()))
        return done


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's folder with the table of a device that is not here, and a run for it."""
    folder = tmp_path_factory.mktemp("away")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARETO_YOLO_HOME", str(folder))
        bring_table(folder)
        write_data(folder / "set")
        patch.setattr("nas.search.plan.LocalWorkers", Weigher)
        patch.chdir(folder)
        with redirect_stdout(StringIO()) as printed:
            call(search, *SEARCH, "--max-latency", "50", "--out", "run")
    (folder / "stdout.txt").write_text(printed.getvalue())
    return folder


@pytest.fixture
def run(away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that run, in its folder."""
    monkeypatch.setenv("PARETO_YOLO_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(away, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def measured(kit: Path, ms: Callable[[str], float], **identity: object) -> None:
    """Results that no device has measured: ``ms`` by the model's name."""
    manifest = json.loads((kit / "manifest.json").read_text())
    (table,) = (Path(os.environ["PARETO_YOLO_HOME"]) / "latency_tables").glob("pi5*.json")
    header = json.loads(table.read_text())
    results = {"format": 1, "kit": manifest["seal"], "identity": header["identity"] | identity, "date": "2026-01-01"}
    results |= {"reference_ms": header["reference_ms"], "overhead_ms": header["overhead_ms"]}
    times = {m["file"]: [[ms(m["name"]), 0.25, 9]] * m["turns"] for m in manifest["wholes"]}
    measure.write_sealed(kit / "results.json", results | {"quiet": 1.0, "steal": None, "measured": times})


def test_a_search_for_a_device_that_is_not_here(away: Path) -> None:
    run = away / "run"
    note = "predicted, not measured; python -m nas.latency bundle DIR --run run"
    facts = json.loads((run / "run.json").read_text())
    assert facts["status"] == "finished"
    assert facts["fingerprint"]["device"] == facts["config"]["device"] == "pi5"
    assert facts["result"]["stock"]["latency_ms"] is None
    assert facts["result"]["stock"]["latency_predicted_ms"] > 0
    front = pd.read_csv(run / "pareto.csv", dtype={"name": str})
    assert len(front)
    assert front.latency_ms.isna().all()
    assert front.latency_spread_ms.isna().all()
    assert list(front.latency_predicted_ms) == sorted(front.latency_predicted_ms)
    assert set(front.budgets_kept) == {"1 of 1, latency as predicted"}
    for row in front.itertuples(index=False):
        text = (run / row.yaml).read_text()
        assert f"{row.latency_predicted_ms:.2f} ms predicted, not measured" in text.splitlines()[0]
        assert from_yaml(run / row.yaml) == decode(row.arch).detector(CLASSES)
    html = (run / "report.html").read_text()
    assert ">Pareto front, predicted, not measured</h2>" in html
    assert f"Latencies of the front are {note}" in html
    assert "Pareto front (predicted, not measured)" in html
    assert "(measured)" not in html
    printed = (away / "stdout.txt").read_text()
    assert printed.count(note) >= 2  # the table's title, and the line below it
    assert "of its prediction" not in printed


def test_a_search_that_minimises_size_too(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nas.search.plan.LocalWorkers", Weigher)
    call(search, *SEARCH, "--minimize", "latency,size", "--out", "other")
    finalists = json.loads(Path("other/run.json").read_text())["result"]["finalists"]
    points = {f["arch"]: (-f["score"], f["latency_predicted_ms"], f["weight_bytes"]) for f in finalists}
    best = {a for a, p in points.items() if not any(q != p and all(map(operator.le, q, p)) for q in points.values())}
    assert set(pd.read_csv("other/pareto.csv").arch) == best
    html = Path("other/report.html").read_text()
    printed = capsys.readouterr().out
    assert "weights" in printed and " MB" in printed and "MACs" not in printed
    assert 'id="size-plot"' in html  # the second cost has a figure of its own
    assert "lines+markers" not in html.partition('id="front-plot-data"')[2].partition("</script>")[0]


def test_finalists_come_home_measured(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finalists = json.loads((run / "run.json").read_text())["result"]["finalists"]
    call(latency, "bundle", "kit", "--run", run)
    assert "    python measure.py\n" in capsys.readouterr().out
    kit = run.parent / "kit"
    manifest = json.loads((kit / "manifest.json").read_text())
    assert (manifest["rows"], manifest["runtime"], manifest["identity"]["device"]) == ([], "onnxruntime", "pi5")
    assert [model["name"] for model in manifest["wholes"]] == [finalist["arch"] for finalist in finalists]
    # The stock model turns out to take less than all others, and one to break the limit of 50 ms.
    stock = str(SPACE.stock())
    times = {finalist["arch"]: 30.0 + 30 * n for n, finalist in enumerate(finalists)} | {stock: 20.0}
    measured(kit, lambda name: times[name])
    call(latency, "import", "kit")
    facts = json.loads((run / "run.json").read_text())
    assert {f["arch"]: f["latency_ms"] for f in facts["result"]["finalists"]} == times
    assert (facts["result"]["stock"]["latency_ms"], facts["result"]["stock"]["latency_spread_ms"]) == (20.0, 0.25)
    front = pd.read_csv(run / "pareto.csv", dtype={"name": str})
    scores = {finalist["arch"]: finalist["score"] for finalist in finalists}
    within = {arch for arch, ms in times.items() if ms <= 50}
    best = {a for a in within if not any(times[b] < times[a] and scores[b] >= scores[a] for b in within)}
    assert set(front.arch) == best
    assert {row.arch: row.latency_ms for row in front.itertuples()} == {arch: times[arch] for arch in best}
    assert set(front.budgets_kept) == {"1 of 1"}
    assert {path.stem for path in (run / "pareto").iterdir()} == set(front.name)
    assert all(" ms measured, 64 px" in path.read_text() for path in (run / "pareto").glob("*.yaml"))
    html = (run / "report.html").read_text()
    assert "Pareto front, measured end-to-end on the device" in html
    assert "predicted, not measured" not in html


def test_finalists_of_another_runtime_version_are_refused(run: Path) -> None:
    call(latency, "bundle", "kit", "--run", run)
    measured(run.parent / "kit", lambda name: 1.0, version="0.1")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    tables = set((run.parent / "latency_tables").iterdir())
    message = refused(latency, "import", "kit")
    assert "version is " in message
    assert "'0.1' here; nothing was changed" in message
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert set((run.parent / "latency_tables").iterdir()) == tables


def test_a_kit_of_a_space_brings_its_report_card(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = run.parent / "kit"
    # The stock models of all other templates would take their time.
    monkeypatch.setattr("nas.latency.space_kit.held_out_models", lambda *options: held_out_models(*options)[:4])
    options = ("--space", "tiny", "--imgsz", SIZE, "--nc", CLASSES, "--models", 3)
    call(latency, "bundle", kit, *options, *OPTIONS)
    manifest = json.loads((kit / "manifest.json").read_text())
    assert manifest["rows"] == []  # the table knows them, and is calibrated
    assert not any(model["calibrates"] for model in manifest["wholes"])
    assert [model["kind"] for model in manifest["wholes"]] == ["random"] * 3 + ["stock"]
    measured(kit, lambda name: 5.0)
    capsys.readouterr()
    call(latency, "import", "kit", "--json")
    content = json.loads(capsys.readouterr().out)
    assert content["lacking"] == ""
    assert {model["measured_ms"] for model in content["card"]["models"]} == {5.0}
    assert len(content["card"]["models"]) == len(manifest["wholes"])
    (card,) = (run.parent / "latency_tables").glob("pi5*.card-64.json")
    assert json.loads(card.read_text()) == content["card"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["kit"], "--device: is missing: a kit is for another device"),
        (["kit", "--device", "cpu"], "--device cpu: a kit is for a device that is not this machine"),
        (["kit", "--device", "pi5", "--runtime", "torch"], "--runtime torch: a kit takes ONNX models"),
        (["kit", "--device", "pi5", "--imgsz", "50"], "--imgsz 50: must be a multiple of 32"),
        (["kit", "--run", "nowhere"], "nowhere: has no run.json"),
        (["kit", "--run", "nowhere", "--device", "pi5"], "--run nowhere: a run brings its device and models"),
    ],
)
def test_bad_options_of_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(latency, "bundle", *options).startswith(message)
    assert not list(tmp_path.iterdir())


def test_import_of_what_is_no_kit(tmp_path: Path) -> None:
    message = refused(latency, "import", tmp_path)
    assert message.startswith(f"{tmp_path}/manifest.json: missing; give the folder of a measuring kit")


def test_what_a_search_needs_is_said_before_anything_is_spent(run: Path) -> None:
    for options, problem in [
        (("--device", "toaster"), "--device toaster: is not this machine, and there is no table of it"),
        (("--imgsz", "96"), "cannot be measured: it is not this machine"),
    ]:
        message = refused(search, *SEARCH, *options, "--out", "other")
        assert problem in message
        device = dict([("--device", "pi5"), options])["--device"]
        kit = f"bundle DIR --device {device} --runtime onnxruntime --threads 1 --space tiny --imgsz 64 --nc 2, run it"
        assert f"python -m nas.latency {kit}" in message
        assert ("make another one with --imgsz 96" in message) == (options[0] == "--imgsz")
        assert not (run.parent / "other").exists()
