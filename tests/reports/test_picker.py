"""The slider of the report chooses as `nas.pick` does. test_browser.py moves it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nas.reports.picker import picker
from nas.reports.run_data import RunData
from nas.runs.recommendation import recommend
from tests.reports.made import make


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    return make(tmp_path_factory.mktemp("run"), count=30)


def test_every_budget_gives_the_recommended_model(data: RunData) -> None:
    shown = picker(data)
    assert shown is not None
    front = data.run.front
    fastest = min(model.latency for model in front)
    budgets = [*(model.latency for model in front), *np.linspace(fastest, shown.most, 50)]
    for budget in budgets:
        choice = shown.chosen(budget)
        assert choice is not None
        assert choice.name == recommend(front, budget).model.name
        assert f"model={data.folder / 'pareto' / choice.name}.yaml" in choice.commands["train it"]
    assert shown.chosen(fastest - 1e-9) is None
    assert len({choice.name for choice in shown.choices}) == len(front) > 2


def test_scores_that_are_noise_give_the_fastest(tmp_path: Path) -> None:
    data = make(tmp_path, seeds=0.02)
    shown = picker(data)
    assert shown is not None
    assert {choice.name for choice in shown.choices} == {data.run.front[0].name}
    assert "differ only by noise" in shown.choices[-1].reason
    assert shown.choices[-1].notes == "In this run the scores differ only by noise."


def test_it_starts_at_the_limit_of_the_search(tmp_path: Path) -> None:
    data = make(tmp_path, max_latency=6.0)
    shown = picker(data)
    assert shown is not None
    assert shown.least <= shown.budget <= min(6.0, shown.most)
    first = shown.chosen(shown.budget)
    assert first is not None and first.name == data.run.pick().model.name
    assert shown.step < (shown.most - shown.least) / 50


def test_an_empty_front_has_no_slider(tmp_path: Path) -> None:
    assert picker(make(tmp_path, max_latency=0.001)) is None


def test_its_data_cannot_end_the_script(data: RunData) -> None:
    shown = picker(data)
    assert shown is not None
    text = str(shown._replace(command="</script>").data)
    assert "<" not in text and json.loads(text)["command"] == "</script>"
