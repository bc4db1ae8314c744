"""``python -m nas.latency check`` as a person runs it."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from nas import cli
from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import to_yaml
from nas.latency import __main__ as latency_command
from nas.latency.card_file import save_card
from nas.latency.checking import make_card
from nas.latency.models import Model
from nas.latency.opening import builder_for, find_table
from nas.latency.runtimes.measure import Measurement, Noise
from nas.latency.runtimes.registry import choose
from nas.latency.store import load, save
from nas.spaces.space import load_space

FAKE = ("--runtime", "fake", "--imgsz", "64", "--space", "tiny", "--nc", "2")
SPACE = load_space("tiny")


def check(*options: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.run(lambda: latency_command.app(["check", *FAKE, *options], standalone_mode=False))
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibrated table that knows every row of the models."""
    table = builder_for(choose("fake"), tmp_path_factory.mktemp("check") / "t.csv")
    templates = [template.stock(2) for template in TEMPLATES.values()]
    table.ensure([*SPACE.rows(2, 64), *(row for detector in templates for row in detector.resolve(64))])
    table.calibrate(SPACE.calibration(2)[:2], 64)
    return table.table.path


@pytest.fixture
def table(made: Path, tmp_path: Path) -> Path:
    for file in (made, made.with_suffix(".json")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / made.name


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One template beside the space's own: measuring all of them takes long."""
    kept = {name: TEMPLATES[name] for name in ("yolov8n", "yolo11n")}
    monkeypatch.setattr("nas.latency.checking.TEMPLATES", kept)


def test_json(table: Path, tmp_path: Path) -> None:
    yaml = tmp_path / "mine.yaml"
    yaml.write_text(to_yaml(SPACE.smallest().detector(2)))
    status, out, _ = check("--table", str(table), "--models", "3", "--seed", "4", "--json", str(yaml))
    assert status == 0
    card = json.loads(out)
    assert json.loads(table.with_suffix(".card-64.json").read_text()) == card
    assert table.with_suffix(".card-64.png").exists()
    assert (card["within_5pct"], card["within_10pct"], card["spearman"], card["retest_spearman"]) == (1, 1, 1, 1)
    assert card["worst_error"] == pytest.approx(0, abs=1e-9)
    assert (card["seed"], card["space"], card["threads"], card["too_noisy"]) == (4, "tiny", 1, False)
    names = {kind: [m["name"] for m in card["models"] if m["kind"] == kind] for kind in ("random", "stock", "other")}
    assert len(names["random"]) == 3
    assert names["stock"] == ["yolov8n"]
    assert names["other"] == ["yolo11n", str(yaml)]
    assert all(m["predicted_ms"] == pytest.approx(m["measured_ms"]) for m in card["models"])


def test_for_a_person_and_again_by_force(table: Path, tmp_path: Path) -> None:
    status, out, err = check("--table", str(table), "--models", "2")
    assert (status, err) == (0, "")
    assert "good: 2 held-out models" in out
    for text in ("Report card at 64 px", "within 5 %", "Spearman", "hand-made", "card-64.png"):
        assert text in out
    # For another thread count the table is refused; by force, the last card is shown, and nothing is measured.
    other = ("--table", str(table), "--threads", "2")
    status, out, err = check(*other)
    assert (status, out) == (2, "")
    assert "threads is 1 there and 2 here" in err
    status, out, err = check(*other, "--force", "--json")
    assert status == 0
    assert "threads is 1 there and 2 here" in json.loads(out)["forced"]
    assert "warning: forced latencies" in err
    yaml = tmp_path / "mine.yaml"
    yaml.write_text(to_yaml(SPACE.smallest().detector(2)))
    status, out, err = check(*other, "--force", str(yaml))
    assert (status, out) == (2, "")
    assert "mine.yaml: cannot be measured" in err


def test_a_device_that_is_not_here(table: Path) -> None:
    """Its last card is shown; without one the way to get it."""
    header, entries = load(table)
    header.identity["device"] = "pi5"
    save(table, header, entries)
    away = ("--device", "pi5", "--table", str(table))
    status, out, err = check(*away)
    assert (status, out) == (2, "")
    assert "there is no report card at 64 pixels; make a measuring kit with" in err
    found = find_table("pi5", "fake", 1, table)
    model = Model("one", "random", SPACE.stock().detector(2))
    measured = [Measurement(found.predict(model.detector, 64).total_ms, 0.0, 9)]
    save_card(found, make_card(found, [model], 64, measured, measured, Noise(0.9, None), "tiny", 5))
    status, out, _ = check(*away, "--json")
    assert status == 0
    assert (json.loads(out)["seed"], json.loads(out)["models"][0]["name"]) == (5, "one")


@pytest.mark.parametrize("options", [("--models", "0"), ("--seed", "-1"), ("--imgsz", "50")])
def test_wrong_options(options: tuple[str, ...]) -> None:
    status, out, err = check(*options)
    assert (status, out) == (2, "")
    assert options[0] in err
