"""Summary of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nas.reports.report_page import write_html
from nas.reports.summary import summarize
from nas.reports.tables import front_table
from nas.runs.score_noise import CHANCE
from tests.reports.made import make, with_stock


def test_front_is_compared_with_the_stock_model(tmp_path: Path) -> None:
    data = make(tmp_path)
    first, fastest, best, noise = summarize(data)
    as_good = data.pareto[data.pareto.score >= data.stock.score]
    assert first == f"{len(data.pareto)} detectors on the Pareto front, from 20 trained candidates."
    assert f"{as_good.name.iloc[0]} is the fastest" in fastest
    assert f"{data.stock_ms / as_good.latency_ms.min():.2f} times as fast" in fastest
    assert f"{data.pareto.score.max():.4f} against {data.stock.score:.4f}" in best
    assert noise == f"Score differences below {CHANCE * 0.002:.3f} are noise."


def test_least_cost_is_named(tmp_path: Path) -> None:
    data = make(tmp_path, imgsz=(64, 96), minimize=("latency", "size"), count=30)
    as_good = [model for model in data.result.front if model.score >= data.stock.score]
    least = min(as_good, key=lambda model: model.weight_bytes)
    assert any(f"{least.name} ({least.imgsz} px) has the smallest weights" in text for text in summarize(data))


def test_noisy_scores_cannot_rank(tmp_path: Path) -> None:
    first, second = summarize(make(tmp_path, seeds=0.02))
    assert first == "In this run the scores differ only by noise, so it cannot rank its 20 trained candidates."
    assert second.endswith("are not a Pareto front.")


def test_stock_model_may_win(tmp_path: Path) -> None:
    single = make(tmp_path / "single", count=1)
    first, fastest, best, _ = summarize(single)
    assert first == "1 detector on the Pareto front, from 1 trained candidate."
    assert fastest.startswith("No model with the stock model's score or higher is faster (")
    assert best == "No model at this latency scores higher."
    assert front_table(single).model.tolist() == ["01-stock"]
    assert [file.name for file in (tmp_path / "single" / "pareto").iterdir()] == ["01-stock.yaml"]
    header = (tmp_path / "single" / "pareto" / "01-stock.yaml").read_text().splitlines()[0]
    assert header.startswith("# 01-stock: ") and header.endswith("; the stock model")
    assert replace(single.stock, name="01-c22840").label == "01-c22840 (stock)"  # as earlier versions named it


def test_empty_front(tmp_path: Path) -> None:
    data = make(tmp_path, max_latency=0.1)
    assert summarize(data) == ["The Pareto front is empty: no finalist meets every limit (20 trained candidates)."]
    write_html(data, tmp_path / "report.html")


def test_stock_model_over_a_limit(tmp_path: Path) -> None:
    data = with_stock(make(tmp_path), score=0.9, rejected="over the limit on latency")
    assert "(0.9000), which is over the limit on latency." in summarize(data)[1]


def test_several_seeds_give_their_own_noise(tmp_path: Path) -> None:
    assert make(tmp_path, rungs=3).noise == pytest.approx(CHANCE * 0.004 / 2**0.5)
