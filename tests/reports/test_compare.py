"""Two runs side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nas.errors import InputError
from nas.reports import comparison as module
from nas.reports.comparison import compare
from nas.reports.comparison_page import write_comparison
from nas.reports.run_data import RunData
from tests.reports.made import OVERHEAD, Table, make


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunData, RunData]:
    """Two searches of one space, the second on a device that takes three times as long; their tables are at hand."""

    def table_of(data: RunData) -> Any:
        return Table(3.0 if data.folder.name == "b" else 1.0)

    monkeypatch.setattr(module, "table_of", table_of)
    return make(tmp_path / "a"), make(tmp_path / "b", seed=1, slowness=3.0)


def test_shared_models_have_both_latencies(runs: tuple[RunData, RunData]) -> None:
    a, b = runs
    shared = compare(a, b).shared
    assert set(shared.architecture) == set(a.trained.arch) & set(b.trained.arch)
    assert len(shared) >= 3  # the baselines at least
    assert set(shared.latencies) == {"measured"}
    for row in shared.to_dict("records"):
        assert row["A, ms"] == pytest.approx(a.finalists.set_index("arch").latency_ms[row["architecture"]])
        assert (row["B, ms"] / 1.02 - OVERHEAD) == pytest.approx(3 * (row["A, ms"] / 1.02 - OVERHEAD))
        assert row["B to A"] == row["B, ms"] / row["A, ms"]
    assert compare(a, b).rank_correlation == pytest.approx(1)


def test_the_others_front_is_predicted_beside_a_predicted_one(runs: tuple[RunData, RunData]) -> None:
    a, b = runs
    on_a = compare(a, b).on_a
    assert (on_a.kind, on_a.unknown) == ("predicted", [])
    assert on_a.own.ms.tolist() == a.pareto.latency_predicted_ms.tolist()
    # A's device takes a third, the call aside.
    assert on_a.other.ms.tolist() == pytest.approx(
        [(ms - OVERHEAD) / 3 + OVERHEAD for ms in b.pareto.latency_predicted_ms]
    )


def test_losses_are_against_what_is_no_slower_and_scores_no_less(runs: tuple[RunData, RunData]) -> None:
    on_a = compare(*runs).on_a
    for row in on_a.losses.to_dict("records"):
        faster = [m["score"] for m in on_a.other.to_dict("records") if m["ms"] <= row["ms"]]
        better = [m["ms"] for m in on_a.other.to_dict("records") if m["score"] >= row["score"]]
        expected = row["score"] - max(faster) if faster else None
        assert (None if pd.isna(row["score lost"]) else row["score lost"]) == pytest.approx(expected)
        slower = min(better) / row["ms"] - 1 if better else None
        assert (None if pd.isna(row["latency lost"]) else row["latency lost"]) == pytest.approx(slower)


def test_hypervolume_by_hand() -> None:
    own = pd.DataFrame({"score": [0.4, 0.5], "ms": [1.0, 2.0]})
    other = pd.DataFrame({"score": [0.45], "ms": [2.0]})
    # Down to a tenth of 0.1 below 0.4, up to 2.2 ms.
    whole = 0.01 * log(2.2 / 1) + 0.1 * log(2.2 / 2)
    assert module._volume(own, other) == pytest.approx(0.06 * log(2.2 / 2) / whole)
    assert module._volume(own, own) == pytest.approx(1)


def test_a_front_loses_nothing_against_itself(runs: tuple[RunData, RunData]) -> None:
    a, _ = runs
    same = compare(a, a).on_a
    assert (same.measured, same.volume) == (True, pytest.approx(1))
    assert same.losses["score lost"].tolist() == same.losses["latency lost"].tolist() == [0.0] * len(a.pareto)


def test_of_a_front_that_no_table_knows_no_loss_is_told(
    runs: tuple[RunData, RunData], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "table_of", lambda data: None)
    a, b = runs
    on_a = compare(a, b).on_a
    unknown = [
        row.name_
        for row in b.pareto.rename(columns={"name": "name_"}).itertuples()
        if row.arch not in set(a.trained.arch)
    ]
    assert on_a.unknown == unknown
    assert unknown
    assert on_a.volume is None
    assert "score lost" not in on_a.losses
    assert any(f"latency of {len(unknown)} of {len(b.pareto)} models of B's front" in t for t in compare(a, b).findings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda facts: facts["hashes"].update(data="7"), "data is 1 in A and 7 in B"),
        (lambda facts: facts["hashes"].update(proxy="7"), "proxy is 2 in A and 7 in B"),
        (lambda facts: facts["options"].update(seed=7), "seed is 0 in A and 7 in B"),
        (lambda facts: facts["options"].update(rungs=3), "rungs is 1 in A and 3 in B"),
    ],
)
def test_scores_of_other_data_or_proxies_do_not_compare(
    runs: tuple[RunData, RunData], tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    a, b = runs
    facts = json.loads(json.dumps(b.facts))
    change(facts)
    found = compare(a, replace(b, facts=facts))
    assert found.warnings[0] == f"Scores do not compare, so only latencies are: {said}."
    assert (found.on_a.volume, found.on_b.volume) == (None, None)
    assert "score lost" not in found.on_a.losses
    assert not any("hypervolume" in text or "score" in text for text in found.findings)
    write_comparison(found, tmp_path / "compare.html")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda facts: facts.update(nc=7), "is for 7 classes"),
        (lambda facts: facts["options"].update(imgsz=[96]), "is for images of 96 px"),
    ],
)
def test_runs_for_other_images_or_classes_are_refused(
    runs: tuple[RunData, RunData], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    a, b = runs
    facts = json.loads(json.dumps(b.facts))
    change(facts)
    with pytest.raises(InputError, match=said):
        compare(a, replace(b, facts=facts))


def test_facts_are_json(runs: tuple[RunData, RunData]) -> None:
    facts = json.loads(json.dumps(compare(*runs).facts(), allow_nan=False))
    assert facts["on_A"]["latencies"] == "predicted"
    assert len(facts["on_A"]["losses"]) == len(runs[0].pareto)
