"""``python -m nas.search`` as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import optuna
import pandas as pd
import pytest
import yaml

from nas import cli
from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.detectors.yaml_files import from_yaml
from nas.execution.local_workers import LocalWorkers
from nas.proxies.outcome import Outcome
from nas.reports.run_data import load_run_data
from nas.reports.used_table import find_table, used_table
from nas.search import __main__ as command
from nas.spaces.architecture import decode
from nas.spaces.space import load_space

TINY = ("--space", "tiny", "--runtime", "fake", "--imgsz", "64", "--proxy", "short")


STOCK_AT_128 = str(load_space("tiny", (128, 64)).stock())
WITH_GHOST = "yolov8n.1/p2:csp-ghost_n1_c32/p3:c2f_e0.5_n1_c32/p4:c2f_e0.5_n1_c64/p5:c2f_e0.5_n1_c128"


def search(*options: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nas.search", *options],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def refused(folder: Path, *options: str) -> str:
    """The line of a wrong command. It runs in this process, since starting another one takes longer."""
    said = StringIO()
    with chdir(folder), redirect_stderr(said), pytest.raises(SystemExit) as ended:
        cli.run(lambda: command.app(options, standalone_mode=False))
    assert ended.value.code == 2, said.getvalue()
    assert said.getvalue().startswith("error: ")
    assert said.getvalue().count("\n") == 1
    return said.getvalue()


def shapes_free_yaml(folder: Path, names: str = "[a, b]", label: str = "0 0.5 0.5 0.4 0.4\n") -> Path:
    """A data set of four grey images in YOLO format."""
    from PIL import Image

    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for index in range(2):
            Image.new("RGB", (64, 48), (90, 120, 150)).save(folder / "images" / split / f"{index}.png")
            (folder / "labels" / split / f"{index}.txt").write_text(label)
    file = folder / "data.yaml"
    file.write_text(f"train: images/train\nval: images/val\nnames: {names}\n")
    return file


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "0"], "Invalid value for '--budget'"),
        (["--budget", "few"], "Invalid value for '--budget'"),
        (["--device", "toaster"], "--device toaster"),
        (["--runtime", "abacus"], "--runtime abacus: no such runtime; known are auto, torch, onnxruntime"),
        (["--threads", "0"], "Invalid value for '--threads'"),
        (["--runtime", "torch", "--threads", "9999"], "--threads 9999: this machine has "),
        (["--proxy", "oracle"], "--proxy oracle: no such proxy; known are"),
        (
            ["--imgsz", "96", "--proxy", "zerocost"],
            "--proxy zerocost: detects nothing, so it cannot compare image sizes",
        ),
        (
            ["--imgsz", "96", "--start", STOCK_AT_128],
            f"--start {STOCK_AT_128}: is for images of 128 px; add --imgsz 128",
        ),
        (["--imgsz", "100"], "--imgsz 100: must be a multiple of 32; give 96"),
        (["--time-limit", "0"], "--time-limit 0.0: input should be greater than 0"),
        (["--max-latency", "-1"], "--max-latency -1.0: must be a number above 0"),
        (["--max-latency", "nan"], "--max-latency nan: must be a number above 0"),
        (["--max-latency", "5 parsecs"], "'--max-latency': '5 parsecs' is not a number, nor one with the unit ms, s"),
        (["--max-params", "2.5"], "'--max-params': '2.5' is not a whole number"),
        (["--seed", "-1"], "Invalid value for '--seed'"),
        (["--resume", "--rebuild-table", "--out", "x"], "--rebuild-table: a resumed run keeps its latencies"),
        (["--start", WITH_GHOST], f"--start {WITH_GHOST}: stage p2: is not a choice of the space tiny"),
        (
            ["--minimise", "size"],
            "--minimize size: must begin with latency and name known costs once; give latency, or latency,size",
        ),
        (["--max-size", "0"], "--max-size 0: must be a number above 0"),
        (["--space", "nowhere"], "--space nowhere: no such space"),
        (["--data", "missing/data.yaml"], "missing/data.yaml"),
        (["--train-device", "abacus"], "--train-device abacus: unknown device"),
        (["--colour", "red"], "No such option: --colour"),
        (
            ["--weights", "w.pt"],
            "--pretrained w.pt: only the proxies inherit, neck, distill, supernet start from weights",
        ),
        (["--weights", "w.pt", "--proxy", "inherit"], "--pretrained w.pt: no such file"),
        (
            ["--steps", "5", "--proxy", "zerocost"],
            "--steps 5: the proxy zerocost trains no candidate; drop it, or choose ",
        ),
        (["--workers", "-1"], "--workers -1: is no number and no address; give 1 or more"),
        (["--resume"], "--resume: needs the run directory; give it with --out"),
    ],
)
def test_bad_options(options: list[str], message: str, tmp_path: Path) -> None:
    assert message in refused(tmp_path, *TINY, *options)
    assert not list(tmp_path.iterdir())


def test_a_refusal_as_a_person_sees_it(tmp_path: Path) -> None:
    result = search(*TINY, "--imgsz", "100", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: --imgsz 100: must be a multiple of 32; give 96\n"


def test_bad_data(tmp_path: Path) -> None:
    data = shapes_free_yaml(tmp_path / "set")
    label = tmp_path / "set" / "labels" / "train" / "1.txt"
    label.write_text("0 0.5 0.5 0.4 0.4\n0 0.5 broken 0.4 0.4\n")
    said = refused(tmp_path, *TINY, "--data", str(data), "--strict")  # without it, the image is left out
    assert f"{label}" in said
    assert "2" in said.split(str(label))[1][:12]  # the line
    for image in (tmp_path / "set" / "images" / "train").iterdir():
        image.unlink()
    assert "images/train" in refused(tmp_path, *TINY, "--data", str(data))
    assert not (tmp_path / "runs").exists()


def test_unknown_operator_and_key_in_a_space_file(tmp_path: Path) -> None:
    text = load_space("tiny").path.read_text()
    for old, new, message in [
        ("  faster:", "  fastest:", "operators.fastest: unknown operator"),
        ("version: 1", "version: 1\ncolour: red", "colour: unknown key"),
    ]:
        (tmp_path / "mine.yaml").write_text(text.replace(old, new))
        assert f"mine.yaml: {message}" in refused(tmp_path, *TINY, "--space", "mine.yaml")


def test_operator_that_saves_size_only_needs_a_limit_on_size(tmp_path: Path) -> None:
    text = load_space("tiny").path.read_text()
    ds = "operators:\n  ds: {shell: [plain], bits: [4], block: [32], expansion: [1]}"
    (tmp_path / "mine.yaml").write_text(text.replace("operators:", ds, 1))
    problem = "mine.yaml: operators.ds: saves nothing but bytes of weights; add --max-size or --minimize latency,size"
    for options, message in [
        (("--max-params", "9999999"), problem),
        (("--max-size", "9999999"), "--runtime abacus"),  # not refused: the next fault is
        (("--minimise", "latency,size"), "--runtime abacus"),
    ]:
        assert f"error: {message}" in refused(tmp_path, *TINY, "--space", "mine.yaml", *options, "--runtime", "abacus")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run, on the built-in data, with real training."""
    folder = tmp_path_factory.mktemp("run")
    os.environ["PARETO_YOLO_HOME"] = str(folder / "home")
    result = search(*TINY, "--budget", "3", "--steps", "40", "--out", "run", "--seed", "3", cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout.txt").write_text(result.stdout)
    return folder / "run"


def test_run_directory(finished: Path) -> None:
    record = json.loads((finished / "run.json").read_text())
    assert record["status"] == "finished"
    assert (record["config"]["budget"], record["config"]["steps"]) == (3, 40)
    phases = {"table", "proxy", "search", "score_noise", "halving", "finalists", "report"}
    assert phases <= set(record["seconds"])
    assert {"space", "data", "proxy"} == set(record["hashes"])
    trials = pd.read_csv(finished / "trials.csv")
    assert (trials.state == "trained").sum() == 3
    assert trials.arch[0] == str(load_space("tiny").stock())
    front = pd.read_csv(finished / "pareto.csv", dtype={"name": str})
    assert list(front.latency_ms) == sorted(front.latency_ms)
    assert list(front.score) == sorted(front.score)
    for row in front.itertuples(index=False):
        # The fake runtime has no noise: predictions are exact.
        assert row.latency_ms == pytest.approx(row.latency_predicted_ms, rel=1e-6)
        assert from_yaml(finished / row.yaml) == decode(row.arch).detector(6)
        assert sum(1 for _ in (finished / row.yaml).open() if "Detect" in _) == 1
        assert yaml.safe_load((finished / row.yaml).read_text())["nc"] == 6
    assert {path.stem for path in (finished / "pareto").iterdir()} == set(front.name)
    assert (finished / "pareto.png").read_bytes().startswith(b"\x89PNG")
    html = (finished / "report.html").read_text()
    assert all(name in html for name in front.name)
    assert "https://" not in html.split("<script", 1)[0]


def test_the_run_keeps_what_its_report_needs(finished: Path) -> None:
    data = load_run_data(finished)
    table = find_table(data)
    assert table is not None
    assert set(data.rows.arch) == set(data.finalists.arch)
    for model in data.finalists.itertuples():
        rows = data.rows[data.rows.arch == model.arch]
        predicted = table.predict(decode(model.arch).detector(6), 64)
        assert rows.latency_ms.tolist() == pytest.approx(predicted.rows)
        whole = rows.latency_ms.sum() + used_table(data).overhead_ms
        assert whole == pytest.approx(model.latency_predicted_ms)
        assert rows.weight_bytes.sum() == model.weight_bytes


def test_what_is_printed(finished: Path) -> None:
    printed = (finished.parent / "stdout.txt").read_text()
    assert "predicted" in printed
    assert "measured" in printed
    assert "stock" in printed
    assert "Differences below" in printed
    assert ("cannot tell" in printed) == ("Give --steps 80 to train each candidate twice as long." in printed)
    assert "within 0.0% of its prediction" in printed
    model = finished.parent / Path(
        re.findall(r"python -m nas.train model=(\S+) data=data.yaml imgsz=64 epochs=300", printed)[0]
    )
    assert model.is_file()
    assert f"Recommended: {model.stem}, the " in printed


def test_study_opens_in_optuna(finished: Path) -> None:
    storage = f"sqlite:///{finished / 'study.db'}"
    (name,) = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    assert len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE])) >= 3


def test_dashboard_serves_the_study(finished: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="the dashboard extra is not installed")
    from optuna_dashboard import wsgi

    app = wsgi(f"sqlite:///{finished / 'study.db'}")
    answered: list[str] = []
    environment = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies", "wsgi.input": None, "wsgi.errors": sys.stderr}
    body = b"".join(app(environment, lambda status, headers, error=None: answered.append(status)))
    assert answered == ["200 OK"]
    assert json.loads(body)


def test_report_is_rebuilt(finished: Path) -> None:
    (finished / "report.html").unlink()
    result = subprocess.run([sys.executable, "-m", "nas", "report", str(finished)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (finished / "report.html").exists()


def test_out_that_holds_another_run(finished: Path) -> None:
    before = {path: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    result = search(*TINY, "--out", str(finished), cwd=finished.parent)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: --out {finished}: holds another run; give another directory")
    assert {path: path.read_bytes() for path in finished.iterdir() if path.is_file()} == before


def test_images_of_several_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not trained here: a score that follows the size shows that the run carries it from the choice to the files."""

    class Sizer(LocalWorkers):
        def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
            done: Future[Outcome] = Future()
            done.set_result(Outcome(scale / 10 + cost(detector).params / 1e8 + seed / 1e4, 0.0, ()))
            return done

    monkeypatch.setattr("nas.search.plan.LocalWorkers", Sizer)
    monkeypatch.setenv("PARETO_YOLO_HOME", str(tmp_path / "home"))
    named = str(load_space("tiny", (128, 96)).smallest())
    options = (*TINY, "--imgsz", "96", "--start", named, "--budget", "15", "--out", "run", "--no-cache")
    with chdir(tmp_path), redirect_stdout(StringIO()) as printed, pytest.raises(SystemExit) as ended:
        cli.run(lambda: command.app(options, standalone_mode=False))
    assert ended.value.code == 0
    run = tmp_path / "run"
    assert json.loads((run / "run.json").read_text())["config"]["imgsz"] == [64, 96]
    trials, stock = pd.read_csv(run / "trials.csv"), load_space("tiny", (64, 96)).stock()
    assert list(trials.arch[:3]) == list(map(str, (stock, decode(named), replace(stock, imgsz=96))))
    front = pd.read_csv(run / "pareto.csv", dtype={"name": str})
    assert len(set(front.imgsz)) > 1
    for row in front.itertuples(index=False):
        detector = decode(row.arch).detector(6)
        assert row.imgsz == decode(row.arch).imgsz
        assert row.macs == cost(detector, row.imgsz).macs
        # The fake runtime has no noise, and its predictions are exact: what was measured has the size that was priced.
        assert row.latency_ms == pytest.approx(row.latency_predicted_ms, rel=1e-6)
        assert from_yaml(run / row.yaml) == detector
        assert f" {row.imgsz} px" in (run / row.yaml).read_text()
        assert f"{row.name}.yaml data=data.yaml imgsz={row.imgsz} " in (run / "report.html").read_text()
    assert " px" in printed.getvalue()


def test_same_seed_and_table_same_trials(tmp_path: Path) -> None:
    """Trained for one step; the proxies' suite asks the same of longer trainings."""
    options = (*TINY, "--steps", "1", "--budget", "7", "--seed", "3")
    for out, more in (("first", []), ("again", ["--no-cache"]), ("cached", [])):
        result = search(*options, "--out", out, *more, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    columns = ["number", "state", "arch", "score", "latency_ms"]
    first, again, cached = (pd.read_csv(tmp_path / out / "trials.csv") for out in ("first", "again", "cached"))
    pd.testing.assert_frame_equal(first[columns], again[columns])
    pd.testing.assert_frame_equal(first[columns], cached[columns])
    assert (cached.reason[cached.state == "trained"] == "score of an earlier run, from the cache").all()
    assert "cache" not in (tmp_path / "again" / "trials.csv").read_text()


def test_ctrl_c_leaves_a_readable_run_that_goes_on(tmp_path: Path) -> None:
    options = (*TINY, "--steps", "20", "--out", "run")  # a second or two a candidate
    command = [sys.executable, "-m", "nas.search", *options, "--budget", "60"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell starts its background jobs, and so this test, with Ctrl-C ignored; a person's command is not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    trials = tmp_path / "run" / "trials.csv"
    deadline = time.monotonic() + 200
    while not trials.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the children too
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "--out run --resume" in out
    assert "Traceback" not in error
    assert len(pd.read_csv(trials)) >= 1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    budget = 2 + (pd.read_csv(trials).state == "trained").sum()
    result = search(*options, "--budget", str(budget), "--resume", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (pd.read_csv(trials).state == "trained").sum() == budget
