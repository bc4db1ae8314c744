"""run.json: written, read, and upgraded from its first version."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from nas.errors import ConfigError
from nas.runs.finalists import Finalist
from nas.runs.record import Baselines, RunRecord, RunResult, RunStatus, TableSnapshot, load_config
from nas.runs.score_noise import ScoreNoise
from nas.runs.size_curve import SizeCurve, SizePoint
from nas.runs.teacher_record import TeacherRecord
from tests.runs.records import record

FIGURES = {
    "imgsz": 320,
    "score": 0.2313,
    "score_sd": None,
    "score_n": 1,
    "test_score": None,
    "latency_predicted_ms": 75.38915999999999,
    "latency_ms": 75.38916000000002,
    "latency_spread_ms": 0.0,
    "params": 1921570,
    "macs": 682105600,
    "weight_bytes": 7671816,
    "budgets_kept": "0 of 0",
}
BEST = {"name": "01-c22840", "arch": "yolov8n.1/a", **FIGURES, "yaml": "pareto/01-c22840.yaml", "stock": False}
STOCK = {"name": "stock", "arch": "yolov8n.1/b", **FIGURES, "yaml": "", "stock": True}
LATENCY = {
    "device": "cpu",
    "cpu": "AMD EPYC",
    "system": "Linux x86_64",
    "runtime": "fake",
    "version": "1",
    "options": "computed, not timed",
    "precision": "float32",
    "threads": 1,
    "batch": 1,
    "form": 3,
    "reference": "3x3 convolutions",
}
VERSION_1: dict[str, Any] = {
    "options": {
        "device": "cpu",
        "budget": 12,
        "space": "tiny",
        "data": "shapes",
        "runtime": "fake",
        "threads": 1,
        "precision": "float32",
        "imgsz": [320],
        "minimise": ["latency", "size"],
        "proxy": "short",
        "steps": 120,
        "sampler": "guided",
        "rungs": 1,
        "train_device": "cpu",
        "workers": 2,
        "seed": 7,
        "start": [],
        "max_latency": None,
        "max_params": None,
        "max_macs": None,
        "max_size": 9000000,
    },
    "hashes": {"space": "2edcbe6e89cf314d", "data": "81e1b6702522ec0a", "proxy": "e994f5ac4b478e01"},
    "latency": LATENCY,
    "data": "512 of 512 training and 256 of 256 validation images",
    "status": "finished",
    "versions": {"nas": "0.1.0", "torch": "2.13.0+cpu"},
    "git": "94b617bf24b0caa2109b53b1170ee5f2499495e4",
    "forced": "",
    "study": "tiny-cpu-e994f5ac",
    "seconds": {"table": 3.72, "proxy": 0.0, "search": 192.99, "signal": 104.45, "rungs": 0.01, "measuring": 0.48},
    "nc": 6,
    "unit": "AP50-95 (proxy)",
    "finalists": [BEST | {"fell": ""}, STOCK | {"fell": "01-c22840 is no slower and scores 0.0602 more"}],
    "baselines": {"asked": ["yolov8n.1/b"], "left_out": ["yolov8n.1/c"]},
    "stock": STOCK | {"fell": "01-c22840 is no slower and scores 0.0602 more"},
    "table": {
        "path": "/home/me/cpu-fake.csv",
        "identity": LATENCY,
        "date": "2026-11-28",
        "reference_ms": 11.412,
        "overhead_ms": 0.02,
        "calibrations": {"320": {"factor": 1.0, "n": 8, "worst": 0.0}},
        "cards": {},
        "quiet": 1.0,
        "steal": None,
        "kits": {},
    },
    "signal": {
        "seeds": 0.012,
        "candidates": 0.038,
        "equals": 0.037,
        "repeats": 6,
        "failed": 0,
        "tells_apart": True,
        "text": "differences below 0.033 are noise",
    },
}
"""run.json of a small run of the first version, shortened."""


def finished() -> RunRecord:
    stock = Finalist(**STOCK, rejected="slower")
    result = RunResult(
        nc=3,
        unit="AP50-95",
        finalists=(Finalist(**BEST), stock),
        stock=stock,
        baselines=Baselines(asked=("a",), left_out=("b",)),
        table=TableSnapshot(path="a.csv", header={"date": "2026-11-28"}),
        score_noise=ScoreNoise(0.01, 0.05, 0.04, 6),
        trust="noise",
    )
    options = {"imgsz": (320, 64), "minimize": ("latency", "size"), "start": ("a",), "max_latency": 4.0, "out": "x"}
    now = record(**options, workers="2@tcp://host:8786")
    return now.model_copy(update={"status": RunStatus.FINISHED, "result": result, "seconds": {"table": 1.5}})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    for written in (record(), finished()):
        written.save(tmp_path)
        assert RunRecord.load(tmp_path) == written
        assert json.loads((tmp_path / "run.json").read_text())["version"] == 2
        assert load_config(tmp_path) == load_config(tmp_path / "run.json") == written.config


def test_a_run_of_the_first_version_opens() -> None:
    opened = RunRecord.from_json(VERSION_1, Path("run.json"))
    config, result = opened.config, opened.result
    assert (config.minimize, config.workers, config.worker_count.number) == (("latency", "size"), "2", 2)
    assert (config.budget, config.seed, config.max_size, config.imgsz) == (12, 7, 9000000, (320,))
    assert (opened.status, opened.space, opened.study) == (RunStatus.FINISHED, "tiny", "tiny-cpu-e994f5ac")
    assert opened.hashes.model_dump() == VERSION_1["hashes"]
    assert (opened.fingerprint, opened.data_note, opened.git) == (LATENCY, VERSION_1["data"], VERSION_1["git"])
    seconds = {"table": 3.72, "proxy": 0.0, "search": 192.99, "score_noise": 104.45, "halving": 0.01, "finalists": 0.48}
    assert opened.seconds == seconds
    assert result is not None
    assert result.front == [Finalist(**BEST)]
    assert result.finalists[1] == result.stock
    assert result.stock.rejected == "01-c22840 is no slower and scores 0.0602 more"
    assert result.baselines == Baselines(asked=("yolov8n.1/b",), left_out=("yolov8n.1/c",))
    assert result.table.path == "/home/me/cpu-fake.csv"
    assert result.table.header == {name: value for name, value in VERSION_1["table"].items() if name != "path"}
    assert result.score_noise == ScoreNoise(0.012, 0.038, 0.037, 6)
    assert (result.nc, result.unit, result.trust) == (6, "AP50-95 (proxy)", VERSION_1["signal"]["text"])
    assert RunRecord.from_json(opened.to_json(), Path("run.json")) == opened


def test_an_interrupted_run_of_the_first_version_opens() -> None:
    first = ("options", "hashes", "latency", "data", "versions", "git", "seconds")
    content = {name: VERSION_1[name] for name in first} | {"status": "interrupted"}
    opened = RunRecord.from_json(content, Path("run.json"))
    assert (opened.status, opened.result, opened.study) == (RunStatus.INTERRUPTED, None, "")
    assert opened.config.storage is None
    with_server = copy.deepcopy(content)
    with_server["options"]["storage"] = "postgresql+psycopg://me@host/nas"
    assert RunRecord.from_json(with_server, Path("run.json")).config.storage == "postgresql+psycopg://me@host/nas"


def test_a_run_with_a_teacher_is_read(tmp_path: Path) -> None:
    earlier = finished()
    assert earlier.result is not None
    assert (earlier.result.curve, earlier.result.teacher, earlier.result.size_curve) == ((), None, None)
    points = (SizePoint(320, 0.5, 30.0, 0.1, True), SizePoint(256, 0.4, 20.0, None, False))
    trained = Finalist(**BEST, ap=0.45, weights="pareto/01-c22840.pt")
    changes = {
        "curve": points,
        "teacher": TeacherRecord("teacher.pt", "/me/best.pt", "ab" * 32, 10, 0.5, ("a", "b")),
        "finalists": (trained, earlier.result.stock),
    }
    written = earlier.model_copy(update={"result": earlier.result.model_copy(update=changes)})
    written.save(tmp_path)
    read = RunRecord.load(tmp_path)
    assert read == written
    assert read.result is not None and read.result.size_curve == SizeCurve(points)
    assert read.result.front == [trained]


def _changed(path: str, value: object) -> dict[str, Any]:
    content: dict[str, Any] = finished().to_json()
    held: Any = content
    *keys, last = path.split("/")
    for key in keys:
        held = held[int(key) if key.isdigit() else key]
    held[last] = value
    return content


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (_changed("version", 3), "version"),
        (_changed("status", "asleep"), "status"),
        (_changed("config/budget", 0), "config.budget"),
        (_changed("config/budgets", 1), "config.budgets"),
        (_changed("config/sampler", "oracle"), "config.sampler"),
        (_changed("hashes/data", None), "hashes.data"),
        (_changed("result/nc", "many"), "result.nc"),
        (_changed("result/score_noise/seeds", "few"), "result.score_noise.seeds"),
        (_changed("result/curve", [{"imgsz": "wide"}]), "result.curve.0.imgsz"),
        (_changed("result/teacher", {"file": None}), "result.teacher.file"),
        (_changed("result/finalists/0/ap", "high"), "result.finalists.0.ap"),
        (_changed("color", "red"), "color"),
        (_changed("seconds", {"table": "long"}), "seconds.table"),
        ([1, 2], ""),
        ({"version": 1}, "version"),
        ({"version": [2]}, "version"),
        (VERSION_1 | {"options": "none"}, ""),
        ({"name": "my-package"}, ""),
        (VERSION_1 | {"options": {}}, ""),
        (VERSION_1 | {"options": [1]}, ""),
        ({name: value for name, value in finished().to_json().items() if name != "hashes"}, "hashes"),
    ],
)
def test_what_is_no_record_is_refused_with_file_and_field(content: Any, field: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(content))
    for read in (RunRecord.load, load_config, lambda folder: load_config(folder / "run.json")):
        with pytest.raises(ConfigError) as refused:
            read(tmp_path)
        error = refused.value
        assert (error.file, error.field) == (tmp_path / "run.json", field)
        assert error.problem and error.hint
        assert not any(word in str(error) for word in ("\n", "pydantic", "KeyError", "ValueError", "TypeError"))


def test_a_missing_or_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no run\.json") as refused:
        RunRecord.load(tmp_path)
    assert refused.value.file == tmp_path
    with pytest.raises(ConfigError, match="no such file") as refused:
        load_config(tmp_path / "other.json")
    assert "Errno" not in str(refused.value)
    assert refused.value.file == tmp_path / "other.json"
    for text in ("", '{"config": ', "\0"):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(ConfigError, match="damaged") as refused:
            RunRecord.load(tmp_path)
        assert refused.value.file == tmp_path / "run.json" and refused.value.hint
