"""Comparison of two runs."""

from __future__ import annotations

import json
from math import log
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nas.errors import ConfigError
from nas.reports import comparison_text, device_latencies
from nas.reports.comparison import compare
from nas.reports.comparison_page import write_comparison
from nas.reports.foreign_front import ForeignFront, volume_ratio
from nas.reports.run_data import RunData
from tests.reports.made import OVERHEAD, Table, changed, make


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunData, RunData]:
    """Two searches of one space. The device of the second takes three times as long. Both tables exist."""

    def find_table(data: RunData) -> Any:
        return Table(3.0 if data.folder.name == "b" else 1.0)

    monkeypatch.setattr(device_latencies, "find_table", find_table)
    return make(tmp_path / "a"), make(tmp_path / "b", draw_seed=1, slowness=3.0)


def test_shared_models_have_both_latencies(runs: tuple[RunData, RunData]) -> None:
    a, b = runs
    shared = compare(a, b).shared
    assert set(shared.architecture) == set(a.trained.arch) & set(b.trained.arch)
    assert len(shared) >= 3  # the baselines at least
    assert set(shared.latencies) == {"measured"}
    for row in shared.to_dict("records"):
        assert row["A, ms"] == pytest.approx(a.finalists.set_index("arch").latency_ms[row["architecture"]])
        assert (row["B, ms"] / 1.02 - OVERHEAD) == pytest.approx(3 * (row["A, ms"] / 1.02 - OVERHEAD))
        assert row["B / A"] == row["B, ms"] / row["A, ms"]
    assert compare(a, b).rank_correlation == pytest.approx(1)


def test_predicted_fronts_are_compared_by_predictions(runs: tuple[RunData, RunData]) -> None:
    a, b = runs
    on_a = compare(a, b).on_a
    assert (on_a.kind, on_a.unknown) == ("predicted", [])
    assert on_a.own.ms.tolist() == a.pareto.latency_predicted_ms.tolist()
    # Without the overhead, A's device takes a third of the time.
    assert on_a.other.ms.tolist() == pytest.approx(
        [(ms - OVERHEAD) / 3 + OVERHEAD for ms in b.pareto.latency_predicted_ms]
    )


def test_losses_are_to_models_that_are_no_slower_or_score_no_lower(runs: tuple[RunData, RunData]) -> None:
    on_a = compare(*runs).on_a
    for row in on_a.losses.to_dict("records"):
        faster = [m["score"] for m in on_a.other.to_dict("records") if m["ms"] <= row["ms"]]
        better = [m["ms"] for m in on_a.other.to_dict("records") if m["score"] >= row["score"]]
        expected = row["score"] - max(faster) if faster else None
        assert (None if pd.isna(row["score loss"]) else row["score loss"]) == pytest.approx(expected)
        slower = min(better) / row["ms"] - 1 if better else None
        assert (None if pd.isna(row["latency loss"]) else row["latency loss"]) == pytest.approx(slower)


def test_hypervolume_by_hand() -> None:
    own = pd.DataFrame({"score": [0.4, 0.5], "ms": [1.0, 2.0]})
    other = pd.DataFrame({"score": [0.45], "ms": [2.0]})
    # The bounds are a tenth of 0.1 below 0.4, and 2.2 ms.
    total = 0.01 * log(2.2 / 1) + 0.1 * log(2.2 / 2)
    assert volume_ratio(own, other) == pytest.approx(0.06 * log(2.2 / 2) / total)
    assert volume_ratio(own, own) == pytest.approx(1)


def test_a_front_loses_nothing_to_itself(runs: tuple[RunData, RunData]) -> None:
    a, _ = runs
    same = compare(a, a).on_a
    assert (same.measured, same.volume) == (True, pytest.approx(1))
    assert same.losses["score loss"].tolist() == same.losses["latency loss"].tolist() == [0.0] * len(a.pareto)


def test_unknown_latencies_give_no_losses(runs: tuple[RunData, RunData], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_latencies, "find_table", lambda data: None)
    a, b = runs
    on_a = compare(a, b).on_a
    unknown = [model.name for model in b.result.front if model.arch not in set(a.trained.arch)]
    assert on_a.unknown == unknown
    assert unknown
    assert on_a.volume is None
    assert "score loss" not in on_a.losses
    text = f"is unknown for {len(unknown)} of {len(b.pareto)} models of B's front"
    assert any(text in sentence for sentence in compare(a, b).summary)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"data": "7"}, "data is 1 in A and 7 in B"),
        ({"proxy": "7"}, "proxy is 2 in A and 7 in B"),
        ({"config": {"seed": 7}}, "seed is 0 in A and 7 in B"),
        ({"config": {"rungs": 3}}, "rungs is 1 in A and 3 in B"),
    ],
)
def test_scores_of_other_data_or_proxies_are_not_compared(
    runs: tuple[RunData, RunData], tmp_path: Path, changes: dict[str, Any], difference: str
) -> None:
    a, b = runs
    if "config" not in changes:
        changes = {"hashes": b.run.record.hashes.model_copy(update=changes)}
    found = compare(a, changed(b, **changes))
    assert found.warnings[0] == f"The scores cannot be compared, so only latencies are: {difference}."
    assert (found.on_a.volume, found.on_b.volume) == (None, None)
    assert "score loss" not in found.on_a.losses
    assert not any("hypervolume" in text or "score" in text for text in found.summary)
    write_comparison(found, tmp_path / "compare.html")


def test_runs_with_other_classes_or_image_sizes_are_refused(runs: tuple[RunData, RunData]) -> None:
    a, b = runs
    classes = changed(b, result=b.result.model_copy(update={"nc": 7}))
    with pytest.raises(ConfigError, match="has 7 classes") as error:
        compare(a, classes)
    assert error.value.file == b.folder
    with pytest.raises(ConfigError, match="has images of 96 px") as error:
        compare(a, changed(b, config={"imgsz": (96,)}))
    assert error.value.file == b.folder


def test_comparison_is_json(runs: tuple[RunData, RunData]) -> None:
    content = json.loads(json.dumps(compare(*runs).to_json(), allow_nan=False))
    assert content["on_A"]["latencies"] == "predicted"
    assert len(content["on_A"]["losses"]) == len(runs[0].pareto)


@pytest.mark.parametrize(
    ("own", "other", "sentence"),
    [
        ([1.0], 2.0, "No model of B is as fast as A's only model."),
        ([1.0, 1.5], 2.0, "No model of B is as fast as any of A's 2 models."),
        ([1.0, 3.0], 2.0, "No model of B is as fast as the fastest of A's 2 models."),
        ([1.0, 1.5, 3.0], 2.0, "No model of B is as fast as the 2 fastest of A's 3 models."),
    ],
)
def test_models_without_a_rival_are_counted(own: list[float], other: float, sentence: str) -> None:
    losses = pd.DataFrame({"score loss": [0.1 if ms >= other else None for ms in own], "latency loss": 0.2})
    models = pd.DataFrame({"ms": [other]})
    front = ForeignFront(pd.DataFrame({"ms": own}), models, True, [], losses.astype(float), 0.5)
    assert comparison_text.foreign_front("A", "B", front)[-1] == sentence


@pytest.mark.parametrize(
    ("volume", "slower", "texts"),
    [
        (0.52, 0.1, ["has 52% of the hypervolume", "it is 10.0% slower on average"]),
        (11.53, 10.53, ["has 11.5 times the hypervolume", "it is 11.5 times as slow on average"]),
        (1.2, -0.6, ["has 120% of the hypervolume", "it is 2.5 times as fast on average"]),
        (1.0, 0.0, ["has 100% of the hypervolume", "it is as fast on average"]),
    ],
)
def test_ratios_are_readable(volume: float, slower: float, texts: list[str]) -> None:
    losses = pd.DataFrame({"score loss": [-0.05, 0.0], "latency loss": [slower, slower]})
    models = pd.DataFrame({"ms": [1.0]})
    front = ForeignFront(models, models, True, [], losses, volume)
    said = " ".join(comparison_text.foreign_front("A", "B", front))
    assert all(text in said for text in [*texts, "scores 0.0250 higher on average and the same in the worst case"])
    assert front.changes["score change"].tolist() == [0.05, 0.0]
