"""Model cards beside the models of a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas.runs.export import models_to_export, write_model_yaml
from nas.runs.export_cards import write_export_card
from nas.runs.model_card import MISSING, Fact, ModelCard, data_name
from nas.runs.run import load_run
from nas.runs.run_cards import run_card, write_cards
from nas.spaces.space import load_space
from tests.reports.made import make

EARLIER = Path(__file__).parent / "earlier-run"


def head(text: str) -> Any:
    """The metadata of a card, as Hugging Face reads it."""
    start, content, _ = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(content)


def test_a_card_has_the_figures_of_its_model(tmp_path: Path) -> None:
    run = load_run(EARLIER)
    for model in run.front:
        text = run_card(run, model).markdown()
        metadata = head(text)
        assert metadata["license"] == "apache-2.0"
        assert (metadata["library_name"], metadata["pipeline_tag"]) == ("ultralytics", "object-detection")
        assert metadata["datasets"] == ["shapes"]
        (index,) = metadata["model-index"]
        values = {metric["type"]: metric["value"] for metric in index["results"][0]["metrics"]}
        assert values == {
            "proxy-score": pytest.approx(model.score, abs=1e-4),
            "latency-ms": pytest.approx(model.latency, abs=1e-3),
        }
        assert model.arch in text
        assert f"| parameters | {model.params:,} |" in text
        assert f"| latency | {model.latency_ms:.2f} ± 0.00 ms | measured end-to-end" in text
        assert f"| AP after full training | {MISSING} |" in text
        assert "cpu (AMD EPYC), fake 1, float32, 1 thread" in text
        assert "| data | shapes (81e1b6702522ec0a) |" in text
        assert f"model={Path(model.yaml)} " in text


def test_a_latency_that_was_not_measured_is_missing(tmp_path: Path) -> None:
    run = make(tmp_path, here=False).run
    text = run_card(run, run.front[0]).markdown()
    assert f"| latency | {MISSING} | not measured end-to-end on the device |" in text
    assert [metric["type"] for metric in head(text)["model-index"][0]["results"][0]["metrics"]] == ["proxy-score"]


def test_cards_stand_beside_the_models_and_those_of_an_earlier_front_go(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EARLIER, tmp_path / "run"))
    (folder / "pareto" / "07-aaaaaa.md").write_text("of an earlier front")
    (folder / "pareto" / "notes.md").write_text("of the user")
    write_cards(load_run(folder))
    names = {path.name for path in (folder / "pareto").glob("*.md")}
    assert names == {f"{path.stem}.md" for path in (folder / "pareto").glob("*.yaml")} | {"notes.md"}


def test_noise_is_a_limit(tmp_path: Path) -> None:
    run = make(tmp_path, seeds=0.02).run
    write_cards(run)
    assert "differ only by noise" in (tmp_path / run.result.front[0].yaml).with_suffix(".md").read_text()


def test_a_bar_in_a_figure_stays_in_its_cell() -> None:
    text = ModelCard("a", "b", facts=(Fact("a|b", "1\n2", ""),)).markdown()
    assert "| a\\|b | 1 2 |  |" in text


def test_an_exported_model_has_a_card(tmp_path: Path) -> None:
    stock = str(load_space("yolov5n", (64,)).stock())
    for source, dialect in ((str(EARLIER), "ultralytics"), (stock, "yolov5")):
        model = models_to_export(source)[0]
        text = write_export_card(model, write_model_yaml(model, dialect, tmp_path)[0], dialect, source).read_text()
        assert head(text)["license"] == "apache-2.0"
        assert ("the figures differ" in text) == (dialect == "yolov5")
        assert ("| latency | 75.39 ± 0.00 ms |" in text) == (source == str(EARLIER))
    assert f"| latency | {MISSING} | not measured here |" in text


@pytest.mark.parametrize(
    ("data", "name"), [("shapes", "shapes"), ("/a/my-data/data.yaml", "my-data"), ("coco8.yaml", "coco8")]
)
def test_name_of_a_data_set(data: str, name: str) -> None:
    assert data_name(data) == name
