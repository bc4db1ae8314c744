"""Preview of a search: what it says, and that it writes nothing."""

from __future__ import annotations

import json
from contextlib import chdir
from math import prod
from pathlib import Path

import pytest

import nas
from nas import cli
from nas.data.shapes import draw_shapes
from nas.proxies.recipe import Recipe
from nas.proxies.short import ShortTraining
from nas.search import __main__ as command
from nas.search.estimates import TrainingTime, phase_times, training_time
from nas.spaces.space import load_space
from nas.supernet.proxy import SupernetProxy

TINY = ("--space", "tiny", "--runtime", "fake", "--imgsz", "64", "--workers", "2", "--budget", "30", "--steps", "12")


def preview(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with chdir(folder), pytest.raises(SystemExit) as ended:
        cli.run(lambda: command.app((*TINY, *options), standalone_mode=False))
    shown = capsys.readouterr()
    assert ended.value.code == 0, shown.err
    return shown.out


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a training is not measured."""
    monkeypatch.setattr("nas.search.preview.training_time", lambda *arguments: TrainingTime(0.0, 60.0))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARETO_YOLO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    return tmp_path


@pytest.mark.usefixtures("training")
def test_it_tells_what_a_search_would_do_and_writes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--dry-run", "--json", "--max-latency", "1s", "--max-params", "2M")
    told = json.loads(preview(home / "work", capsys, *options))
    space = load_space("tiny")
    assert told["architectures"] == prod(len(list(space.choices(stage))) for stage in space.file.stages)
    assert (told["space"], told["data"], told["budget"], told["workers"]) == ("tiny", "shapes", 30, 2)
    assert told["missing"] == told["entries"] > 10 and told["table_source"] is None
    latency, params = told["limits"]
    stock = space.stock().detector(6).cost(64).params
    assert (params["stock"], params["limit"], latency["limit"]) == (stock, 2_000_000, 1000.0)
    assert 0 < latency["smallest"] < latency["stock"] < 1000 and told["feasible"]
    names = [phase["name"] for phase in told["phases"]]
    assert names == ["table", "search", "score noise", "finalists"]
    assert told["seconds"] == pytest.approx(sum(phase["seconds"] for phase in told["phases"]))
    assert [path.name for path in home.rglob("*")] == ["work"]


@pytest.mark.usefixtures("training")
def test_it_is_read_by_people(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.search.preview.training_time", lambda *arguments: TrainingTime(0.0, 60.0))
    lines = preview(home / "work", capsys, "--dry-run", "--max-latency", "0.001", "--time-limit", "5").splitlines()
    assert "dry run: nothing is written" in lines
    assert any(line.startswith("limit on latency 0.001 ms: was met by none of them; stock ") for line in lines)
    assert any(line.split()[:3] == ["search", "5", "min"] for line in lines)


def test_what_a_search_refuses_its_preview_refuses(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with chdir(home / "work"), pytest.raises(SystemExit) as ended:
        cli.run(lambda: command.app((*TINY, "--dry-run", "--max-params", "10"), standalone_mode=False))
    assert ended.value.code == 2
    assert "--max-params 10: no model of the space tiny was found that meets it" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.run(lambda: command.app((*TINY, "--json"), standalone_mode=False))
    assert "--json: shows a preview as data; add --dry-run, or drop it" in capsys.readouterr().err


def test_a_training_is_timed_by_its_steps(tmp_path: Path) -> None:
    data = draw_shapes(64, n_train=8, n_val=4)
    few, many = (ShortTraining(data, tmp_path / "proxy", recipe=Recipe(batch=4, steps=steps)) for steps in (1, 1001))
    detector = load_space("tiny").smallest().detector(6)
    times = training_time(few, detector, 1)
    assert times.step > 0 and times.validation > 0
    assert times.candidate(many) - times.candidate(few) == pytest.approx(1000 * times.step)
    assert not (tmp_path / "proxy").exists()


def test_times_of_the_phases(tmp_path: Path) -> None:
    config = nas.SearchConfig(budget=30, rungs=3)
    proxy = ShortTraining(draw_shapes(64, n_train=8, n_val=4), tmp_path)
    found = {p.name: p.seconds for p in phase_times(config, proxy, 1000, TrainingTime(0.0, 60.0), 2)}
    assert found["table"] == pytest.approx(110)
    assert found["search"] == 30 * 60 / 2
    assert found["score noise"] == 3 * 60
    assert found["rung 2"] == 6 * 120  # 10 of 30, and the stock model
    assert found["rung 3"] == 7 * 240  # half of those and the stock model, with two seeds


def test_times_of_a_search_with_pretrained_weights(tmp_path: Path) -> None:
    proxy = SupernetProxy(draw_shapes(64, n_train=8, n_val=4), tmp_path, recipe=Recipe(batch=4, steps=100))
    config = nas.SearchConfig(budget=30, pretrained="best.pt", finalist_steps=10)
    found = {p.name: p.seconds for p in phase_times(config, proxy, 0, TrainingTime(1.0, 5.0), 2)}
    assert found["supernet"] == pytest.approx(320)
    assert found["training"] == pytest.approx(7 * (14 + 10))
    other = nas.SearchConfig(budget=30, supernet="runs/first")
    assert "supernet" not in [phase.name for phase in phase_times(other, proxy, 0, TrainingTime(1.0, 5.0), 2)]
