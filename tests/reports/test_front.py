"""What the figures of a run show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nas.reports import RunData, front_figure
from nas.reports._html import search_figure, write_html
from nas.reports._png import write_png

OPTIONS = {
    "runtime": "onnxruntime",
    "threads": 1,
    "imgsz": [320],
    "minimise": ["latency"],
    "data": "shapes",
    "proxy": "short",
    "seed": 0,
}
ROW = {
    "imgsz": 320,
    "score_sd": 0.01,
    "test_score": None,
    "latency_spread_ms": 0.1,
    "params": 1,
    "macs": 1,
    "weight_bytes": 4,
    "budgets_kept": "0 of 0",
    "fell": "",
}


def run(tells_apart: bool, proxy: str = "short") -> RunData:
    trials = pd.DataFrame(
        [
            {
                "number": n,
                "state": "trained",
                "arch": f"a{n}",
                "score": 0.1 * n,
                "latency_ms": 10.0 + n,
                "params": 100 + n,
                "macs": 100,
                "rung": 1 + n % 3,
                "reason": None,
            }
            for n in range(4)
        ]
    )
    front = [
        {"name": f"0{n}", "arch": f"a{n}", "score": 0.1 * n, "latency_ms": 11.0 + n, "latency_predicted_ms": 10.0 + n}
        for n in (1, 3)
    ]
    stock: dict[str, Any] = {**ROW, **front[0], "name": "stock", "arch": "a0"}
    signal = {"tells_apart": tells_apart, "text": "scores vary"}
    facts = {
        "options": {**OPTIONS, "space": "yolov8n", "proxy": proxy},
        "signal": signal,
        "unit": "AP50-95 (proxy)",
        "stock": stock,
        "finalists": [{**ROW, **row} for row in (*front, {**stock, "fell": "01 is no slower and scores 0.1 more"})],
        "baselines": {"asked": ["a0", "a2"], "left_out": ["a9"]},
        "seconds": {"search": 1.0},
        "latency": {"cpu": "a processor"},
    }
    return RunData(Path("run"), facts, trials, pd.DataFrame([{**ROW, **row} for row in front]), {})


def test_the_front_is_drawn_from_measured_latencies() -> None:
    finalists, front, stock = front_figure(run(tells_apart=True)).data
    assert (list(front.x), list(front.y), front.mode) == ([12.0, 14.0], [0.1, pytest.approx(0.3)], "lines+markers")
    assert list(finalists.x) == [12.0, 14.0, 12.0]
    assert list(front.error_y.array) == [0.01, 0.01]
    assert list(stock.x) == [12.0]
    assert front.name == "Pareto front (measured)"


def test_a_run_that_cannot_rank_draws_no_front(tmp_path: Path) -> None:
    data = run(tells_apart=False)
    _, front, _ = front_figure(data).data
    assert front.mode == "markers"
    assert front.name == "picked by scores that are noise (measured)"
    write_html(data, tmp_path / "report.html")
    write_png(data, tmp_path / "pareto.png")
    html = (tmp_path / "report.html").read_text()
    assert "<h2>No front" in html
    assert "Pareto front" not in html


@pytest.mark.parametrize(("proxy", "unit"), [("short", "AP50-95 (proxy)"), ("nwot", "score (untrained)")])
def test_axes_say_what_scores_are(proxy: str, unit: str) -> None:
    data = run(tells_apart=True, proxy=proxy)
    assert search_figure(data).layout.yaxis.title.text == f"{unit}, rung 1"
    assert front_figure(data).layout.yaxis.title.text == "AP50-95 (proxy)"


def test_the_search_is_drawn_by_rung() -> None:
    first, second, third = search_figure(run(tells_apart=True)).data
    assert (list(first.x), list(second.x), list(third.x)) == ([10.0, 13.0], [11.0], [12.0])


def test_what_fell_out_and_what_was_made_by_hand_is_told(tmp_path: Path) -> None:
    write_html(run(tells_apart=True), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert "01 is no slower and scores 0.1 more" in html
    by_hand = html.split("<h2>Made by hand</h2>")[1].split("<h2>The search</h2>")[0]
    assert "a9" in by_hand
    for figure in ("+0.2000", "+20.0%", "+2.0%", "+0.0%", "a2"):  # against a0: 0.0, 10 ms, 100, 100
        assert figure in by_hand
    assert "<td>a0</td>" not in by_hand
