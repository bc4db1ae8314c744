"""Tables of a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.detectors.costs import cost
from nas.reports.tables import (
    front_table,
    hand_made,
    model_rows,
    phases,
    prediction_errors,
    rejected_finalists,
    score_spreads,
    untrained_states,
    untrained_trials,
)
from nas.reports.used_table import card_frame, cards
from nas.spaces.architecture import decode
from tests.reports.made import NC, changed, make


def test_front_is_beside_the_stock_model(tmp_path: Path) -> None:
    data = make(tmp_path)
    table = front_table(data)
    assert table.model.tolist() == [*data.pareto.name, "stock, not on the front"]
    assert table["speedup"].tolist() == pytest.approx(data.stock_ms / table["measured, ms"])
    assert table["measured vs. predicted"].tolist() == pytest.approx([0.02] * len(table))
    assert table["weights, MB"].iloc[-1] == data.stock.weight_bytes / 1e6
    # A column that is empty or constant is left out.
    assert {"px", "limits met", "test score", "score sd"}.isdisjoint(table)
    more = front_table(make(tmp_path / "more", imgsz=(64, 96), rungs=3, max_latency=100.0))
    assert {"px", "limits met", "test score", "score sd"} <= set(more)


def test_rows_add_up_to_the_model(tmp_path: Path) -> None:
    data = make(tmp_path, imgsz=(64, 96))
    for model in data.result.front:
        rows, costs = model_rows(data, model.arch), cost(decode(model.arch).detector(NC), model.imgsz)
        assert (rows.params.sum(), rows["MACs, M"].sum()) == (costs.params, pytest.approx(costs.macs / 1e6))
        assert rows["share of latency"].sum() == pytest.approx(1)
        assert rows.part.drop_duplicates().tolist() == ["stem", "p2", "p3", "p4", "p5", "tail", "neck", "head"]
        assert rows.part.value_counts()[["p2", "p3", "p4", "p5", "head"]].tolist() == [2, 2, 2, 2, 1]


def test_hand_made_models_are_compared_with_the_stock_model(tmp_path: Path) -> None:
    data = make(tmp_path, imgsz=(64, 96))
    table, stock = hand_made(data), data.trials.iloc[0]
    assert table.model.tolist() == ["stock at 96 px", "all plain-faster r4 e2", "all csp-faster r4 e2"]
    first = data.trials.iloc[1]
    assert table["score vs. stock"][0] == pytest.approx(first.score - stock.score)
    assert table["MACs vs. stock"][0] == pytest.approx(96**2 / 64**2 - 1, rel=0.01)
    named = changed(data, config={"start": (data.trials.arch[1],)})
    assert hand_made(named).model[0] == "named with --start"


def test_untrained_trials_have_a_reason(tmp_path: Path) -> None:
    data = make(tmp_path)
    states = untrained_states(data)
    assert dict(zip(states.state, states.trials, strict=True)) == {"duplicate": 1, "gated": 1, "failed": 1}
    assert untrained_trials(data).reason.tolist() == [
        "same as trial 2",
        "latency 7.0% over its limit",
        "ValueError: <b>broken</b>",
    ]
    assert len(rejected_finalists(data)) == len(data.finalists) - len(data.pareto)
    assert prediction_errors(data).error.tolist() == pytest.approx([0.02] * 20)


def test_phases_are_shares_of_the_counted_time(tmp_path: Path) -> None:
    table = phases(make(tmp_path))
    assert table.to_dict("list") == {"phase": ["table", "search"], "seconds": [10, 30], "share": [0.25, 0.75]}


def test_score_spreads(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert score_spreads(data).score.tolist() == [0.02, 0.01, 0.002, data.noise]


def test_report_card_is_recorded_with_the_run(tmp_path: Path) -> None:
    card = {"mean_error": 0.02, "retest_mean_error": 0.005, "spearman": 0.98}
    data = make(tmp_path, header={"cards": {"64": card, "640": {}}})
    assert cards(data) == {"64": card}
    frame = card_frame(card).set_index("figure")
    assert frame.loc["mean error"].tolist() == ["2.0%", "0.5%"]
    assert frame.loc["Spearman"].tolist() == ["0.980", "-"]
