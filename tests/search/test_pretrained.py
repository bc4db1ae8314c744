"""Searches from a trained model: one run through all phases, resumed, and another one from its supernet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from nas.config import SearchConfig
from nas.data.shapes import draw_shapes
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError, TransferError
from nas.objectives.target import Target
from nas.proxies.fidelity import with_fidelity
from nas.proxies.pretrained import read_pretrained
from nas.runs.run import load_run
from nas.search.finalist_training import FinalistTraining
from nas.search.pipeline import SearchResult, run_search
from nas.search.plan import plan_search
from nas.search.pretrained_space import pretrained_space
from nas.search.reporter import TerminalSearchReporter

STOCK = TEMPLATES["yolov8n"].stock


def write_data(folder: Path) -> Path:
    """A data set of a few images."""
    drawn = draw_shapes(64, n_train=6, n_val=4)
    for split, of in (("train", drawn.train), ("val", drawn.val)):
        for name in ("images", "labels"):
            (folder / name / split).mkdir(parents=True)
        for number, (image, boxes) in enumerate(zip(of.images, of.boxes, strict=True)):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / "images" / split / f"{number}.png")
            lines = [
                f"{kind:.0f} {(x1 + x2) / 128} {(y1 + y2) / 128} {(x2 - x1) / 64} {(y2 - y1) / 64}\n"
                for kind, x1, y1, x2, y2 in boxes.tolist()
            ]
            (folder / "labels" / split / f"{number}.txt").write_text("".join(lines))
    file = folder / "data.yaml"
    file.write_text(f"train: images/train\nval: images/val\nnames: [{', '.join(drawn.classes)}]\n")
    return file


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "best.pt"
    torch.save(Network(STOCK(6), 0).state_dict(), file)
    return file


@pytest.fixture(scope="module")
def config(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> SearchConfig:
    folder = tmp_path_factory.mktemp("search")
    return SearchConfig(
        pretrained=weights, data=str(write_data(folder / "data")), out=folder / "run", space="tiny", runtime="fake",
        imgsz=64, budget=2, steps=1, finalist_steps=1, workers=1, sampler="random", cache=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def result(config: SearchConfig) -> SearchResult:
    return run_search(config)


def test_the_front_comes_trained(result: SearchResult) -> None:
    run = result.run
    assert run.result.unit == "AP50-95 (supernet)"
    for model in result.front:
        assert model.ap is not None and Path(model.weights).is_file()
        assert read_pretrained(Path(model.weights), []).detector.nc == 6
    frame = pd.read_csv(run.folder / "pareto.csv")
    assert list(frame["ap"]) == [model.ap for model in result.front]
    assert all((run.folder / name).is_file() for name in ("teacher.pt", "supernet.pt", "report.html"))


def test_the_stock_model_keeps_the_weights_of_the_teacher(result: SearchResult, weights: Path) -> None:
    """One step moves each by at most the learning rate."""
    stock = result.stock
    found = read_pretrained(result.run.folder / stock.weights, []).network.state_dict()
    given = torch.load(weights)
    assert (found["model.1.conv.weight"] - given["model.1.conv.weight"]).abs().max() < 2e-3


def test_the_size_curve_and_the_teacher_are_recorded(result: SearchResult) -> None:
    found = load_run(result.run.folder).result
    assert [point.imgsz for point in found.curve] == [64]
    assert found.teacher is not None and found.teacher.epochs == 0
    assert found.teacher.ap == found.curve[0].ap


def test_no_finalist_is_trained_twice(
    result: SearchResult, config: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FinalistTraining, "_train", None)  # would fail
    monkeypatch.setattr("nas.supernet.proxy.SupernetTraining", None)
    again = run_search(config.updated({"resume": True}))
    assert [model.ap for model in again.front] == [model.ap for model in result.front]


def test_another_search_starts_from_the_supernet(
    result: SearchResult, config: SearchConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.supernet.proxy.SupernetTraining", None)
    options = {"pretrained": None, "supernet": result.run.folder, "out": tmp_path / "other", "seed": 1}
    other = run_search(config.updated(options))
    assert other.run.result.teacher == result.run.result.teacher
    assert (tmp_path / "other" / "teacher.pt").read_bytes() == (result.run.folder / "teacher.pt").read_bytes()
    stock = [next(trial for trial in found.run.trials if trial.number == 0) for found in (result, other)]
    assert stock[0].arch == stock[1].arch and stock[1].trained


def test_a_space_is_clipped_to_the_model(weights: Path) -> None:
    model = read_pretrained(weights, ["yolov8n"])
    space = pretrained_space(SearchConfig(pretrained=weights, space="yolov8n"), model)
    stages = TEMPLATES["yolov8n"].stages
    for name, stage in space.file.stages.items():
        assert max(stage.channels) == stages[name].channels
        assert max(stage.depth) == stages[name].depth


def test_the_space_follows_the_model(weights: Path, tmp_path: Path) -> None:
    assert pretrained_space(SearchConfig(pretrained=weights), read_pretrained(weights, ["yolov8n"])).name == (
        "yolov8n-pretrained"
    )
    file = tmp_path / "yolo11n.pt"
    torch.save(Network(TEMPLATES["yolo11n"].stock(6), 0).state_dict(), file)
    model = read_pretrained(file, list(TEMPLATES))
    assert pretrained_space(SearchConfig(pretrained=file), model).file.template == "yolo11n"
    with pytest.raises(ConfigError) as caught:
        pretrained_space(SearchConfig(pretrained=file, space="yolov8n"), model)
    assert caught.value.field == "space"


def test_a_run_without_a_supernet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="no such file"):
        run_search(SearchConfig(supernet=tmp_path, out=tmp_path / "run"))


def test_a_model_of_other_classes_is_refused_without_epochs(config: SearchConfig, tmp_path: Path) -> None:
    file = tmp_path / "coco.pt"
    torch.save(Network(STOCK(80), 0).state_dict(), file)
    with pytest.raises(ConfigError) as caught:
        run_search(config.updated({"pretrained": file, "teacher_epochs": 0, "out": tmp_path / "run"}))
    assert caught.value.field == "pretrained"
    assert not (tmp_path / "run").exists()


def test_a_candidate_is_scored_at_its_own_image_size(weights: Path, config: SearchConfig, tmp_path: Path) -> None:
    options = {"imgsz": (96, 64), "out": tmp_path / "run", "pretrained": weights}
    plan = plan_search(config.updated(options), TerminalSearchReporter(), dry=True)
    target = Target(plan.table, 6, (96, 64))
    for size in (96, 64):
        member = replace(plan.space.stock(), imgsz=size)
        sized = with_fidelity(plan.proxy, 1, target.scale(member))
        assert sized.dataset.val.images.shape[-1] == size
    again = SearchConfig(**plan.config.model_dump(mode="json"))
    assert again.proxy_imgsz == 64
