"""What the figures of a run show."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.files import shipped
from nas.objectives.costs import COSTS
from nas.reports.figures import SYMBOLS, cost_figure, front_figure, parts_figure, search_figure
from nas.reports.front_picture import write_png
from nas.reports.report_page import write_html
from nas.spaces.space import load_space
from tests.reports.made import OVERHEAD, make

SPACES = sorted(path.stem for path in shipped("search_spaces").glob("*.yaml"))


def test_the_front_is_drawn_from_measured_latencies(tmp_path: Path) -> None:
    data = make(tmp_path)
    finalists, front, stock, predicted, hand = front_figure(data).data
    assert (list(front.x), list(front.y)) == (data.pareto.latency_ms.tolist(), data.pareto.score.tolist())
    assert (front.mode, front.name) == ("lines+markers", "Pareto front (measured)")
    assert list(front.error_x.array) == data.pareto.latency_spread_ms.tolist()
    assert list(predicted.x) == pytest.approx([ms / 1.02 for ms in front.x])
    assert len(finalists.x) == 20
    assert list(stock.x) == [data.stock["latency_ms"]]
    assert list(hand.x) == data.trials.latency_ms[1:3].tolist()
    assert list(front.customdata) == [f"model-{name}" for name in data.pareto.name]


def test_a_front_that_was_not_measured_is_drawn_as_predicted(tmp_path: Path) -> None:
    data = make(tmp_path, here=False)
    _, front, *_ = front_figure(data).data
    assert list(front.x) == data.pareto.latency_predicted_ms.tolist()
    assert front.name == "Pareto front (predicted, not measured)"
    assert "the front as predicted" not in {trace.name for trace in front_figure(data).data}


def test_a_run_that_cannot_rank_draws_no_front(tmp_path: Path) -> None:
    data = make(tmp_path, seeds=0.02)
    _, front, *_ = front_figure(data).data
    assert (front.mode, front.name) == ("markers", "picked by scores that are noise (measured)")
    write_html(data, tmp_path / "report.html")
    write_png(data, tmp_path / "pareto.png")
    html = (tmp_path / "report.html").read_text()
    assert ">No front, measured whole on the device</h2>" in html
    assert "Pareto front" not in html


def test_axes_say_what_scores_are(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert search_figure(data).layout.yaxis.title.text == "AP50-95 (proxy), rung 1"
    data.options["proxy"] = "nwot"
    assert search_figure(data).layout.yaxis.title.text == "score (untrained), rung 1"
    assert front_figure(data).layout.yaxis.title.text == "AP50-95 (proxy)"


def test_scores_of_another_rung_are_not_drawn_into_the_front(tmp_path: Path) -> None:
    data = make(tmp_path, rungs=3)
    assert "hand-made (predicted)" not in {trace.name for trace in front_figure(data).data}
    (hand,) = (trace for trace in search_figure(data).data if trace.name == "hand-made")
    assert list(hand.x) == data.trials.latency_ms[1:3].tolist()


def test_the_search_is_drawn_by_rung(tmp_path: Path) -> None:
    data = make(tmp_path, rungs=3)
    data.trials.loc[[0, 1], "rung"] = [3, 2]
    first, second, third, *_ = search_figure(data).data
    assert (len(first.x), list(second.x), list(third.x)) == (
        18,
        [data.trials.latency_ms[1]],
        [data.trials.latency_ms[0]],
    )


def test_image_sizes_have_shapes_and_other_costs_a_figure(tmp_path: Path) -> None:
    data = make(tmp_path, sizes=(64, 96), minimise=("latency", "size"))
    _, front, *_ = front_figure(data).data
    assert front.mode == "markers"  # of two costs, no line tells which is beaten
    assert list(front.marker.symbol) == [SYMBOLS[(64, 96).index(size)] for size in data.pareto.imgsz]
    assert len(set(data.pareto.imgsz)) == 2
    _, front, stock = cost_figure(data, "size").data
    assert list(front.x) == pytest.approx([n * COSTS["size"].factor for n in data.pareto.weight_bytes])
    assert list(stock.x) == [data.stock["weight_bytes"] * 1e-6]


@pytest.mark.parametrize("name", SPACES)
def test_every_shipped_space_has_a_report(name: str, tmp_path: Path) -> None:
    data = make(tmp_path, name, count=8)
    assert {trace.name for trace in parts_figure(data).data} >= set(load_space(name).file.stages)
    write_html(data, tmp_path / "report.html")


def test_bars_of_parts_add_up_to_the_prediction(tmp_path: Path) -> None:
    data = make(tmp_path)
    traces = parts_figure(data).data
    assert [trace.name for trace in traces] == ["stem", "p2", "p3", "p4", "p5", "tail", "neck", "head", "call"]
    expected = [*data.pareto.latency_predicted_ms, data.stock["latency_predicted_ms"]]
    assert [sum(of) for of in zip(*(trace.x for trace in traces), strict=True)] == pytest.approx(expected[::-1])
    assert list(traces[-1].x) == pytest.approx([OVERHEAD] * len(expected))
