"""Choices and their importance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import f_oneway

from nas.reports.choices import choice_counts, choices, explained, importances
from nas.spaces.space import load_space
from tests.reports.made import make


def test_choices_are_columns_with_gaps() -> None:
    space = load_space("tiny", (64, 96))
    made = choices([str(space.stock()), str(space.uniform_replacements()[0])])
    assert made["image", "px"].tolist() == [64, 64]
    assert made["p2", "operator"].tolist() == ["c2f", "plain-faster"]
    assert made["p3", "depth"].tolist() == [2, 2]
    assert made["p2", "plain-faster n_div"].isna().tolist() == [True, False]


def test_counts_include_each_model_once(tmp_path: Path) -> None:
    data = make(tmp_path)
    table = choice_counts(data)
    for (_, _), of in table.groupby(["stage", "choice"]):
        assert of.trained.sum() == of.of_trained.iloc[0] == 20
        assert of.front.sum() == of.of_front.iloc[0] == len(data.pareto)
    plain = table[(table.stage == "p3") & (table.value == "plain-faster")].iloc[0]
    assert plain.trained == sum("p3:plain-faster" in arch for arch in data.trained.arch)
    assert plain.front == sum("p3:plain-faster" in arch for arch in data.pareto.arch)
    # Integers stay integers where some models lack the choice; stages are in the model's order.
    assert {type(value) for value in table[table.choice == "plain-faster n_div"].value} <= {int}
    assert table.stage.tolist() == sorted(table.stage)
    assert table[table.stock].value.tolist() == ["c2f", 32, "c2f", 64, 2, "c2f", 128, 2, "c2f", 256]


def test_explained_share_equals_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    codes, target = np.repeat([0, 1, 2], [4, 7, 9]), rng.normal(size=20)
    share, chance = explained(codes, target)
    f = f_oneway(*(target[codes == group] for group in range(3))).statistic
    assert share == pytest.approx(f * 2 / (f * 2 + 17))
    # The share of shuffled values has a beta distribution with these degrees of freedom.
    assert chance == pytest.approx(0.297, abs=0.03)
    assert explained(codes, np.ones(20)) == (0.0, 0.0)
    assert explained(codes, codes.astype(float))[0] == pytest.approx(1)


def test_importances_find_the_causes_of_the_score(tmp_path: Path) -> None:
    table = importances(make(tmp_path, count=50)).set_index(["stage", "choice"])
    operators = table.xs("operator", level="choice")
    assert (operators.beyond > operators.beyond_chance).all()  # each plain block adds 0.02
    assert (table.xs("depth", level="choice").beyond < 0.2).all()
    assert (table.n == 50).all()


def test_few_candidates_have_no_importances(tmp_path: Path) -> None:
    assert importances(make(tmp_path, count=5)).empty
