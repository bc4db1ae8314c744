"""Figures of a run: their data, and their drawings."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.files import shipped
from nas.objectives.costs import COSTS
from nas.reports.colors import SYMBOLS
from nas.reports.front_picture import write_png
from nas.reports.plots import cost_plot, front_plot, search_plot
from nas.reports.plotting import draw, draw_parts
from nas.reports.report_page import write_html
from nas.reports.tables import latency_by_part
from nas.spaces.space import load_space
from tests.reports.made import OVERHEAD, changed, make

SPACES = sorted(path.stem for path in shipped("search_spaces").glob("*.yaml"))


def test_front_has_measured_latencies(tmp_path: Path) -> None:
    data = make(tmp_path)
    finalists, front, stock, predicted, hand_made = front_plot(data).series
    assert (front.x, front.y) == (data.pareto.latency_ms.tolist(), data.pareto.score.tolist())
    assert (front.line, front.name) == ("steps", "Pareto front (measured)")
    assert front.x_error == data.pareto.latency_spread_ms.tolist()
    assert predicted.x == pytest.approx([ms / 1.02 for ms in front.x])
    assert len(finalists.x) == 20
    assert stock.x == [data.stock.latency_ms]
    assert hand_made.x == data.trials.latency_ms[1:3].tolist()
    assert front.links == [f"model-{name}" for name in data.pareto.name]


def test_drawing_shows_each_series(tmp_path: Path) -> None:
    plot = front_plot(make(tmp_path))
    drawn = draw(plot)
    for series, trace in zip(plot.series, drawn.data, strict=True):
        assert (trace.name, list(trace.x), list(trace.y)) == (series.name, series.x, series.y)
        assert trace.mode == ("lines+markers" if series.line else "markers")
        assert (trace.marker.color, trace.marker.symbol) == (series.color, series.symbols)
        assert list(trace.hovertext) == series.texts
        assert list(trace.error_x.array or ()) == list(series.x_error)
        assert list(trace.error_y.array or ()) == list(series.y_error)
        assert list(trace.customdata if trace.customdata is not None else ()) == list(series.links)
    assert (drawn.layout.xaxis.title.text, drawn.layout.yaxis.title.text) == (plot.x_title, plot.y_title)


def test_unmeasured_front_has_predicted_latencies(tmp_path: Path) -> None:
    data = make(tmp_path, here=False)
    _, front, *_ = front_plot(data).series
    assert front.x == data.pareto.latency_predicted_ms.tolist()
    assert front.name == "Pareto front (predicted, not measured)"
    assert "Pareto front as predicted" not in {series.name for series in front_plot(data).series}


def test_noisy_scores_make_no_front(tmp_path: Path) -> None:
    data = make(tmp_path, seeds=0.02)
    _, front, *_ = front_plot(data).series
    assert (front.line, front.name) == ("", "chosen by noisy scores (measured)")
    write_html(data, tmp_path / "report.html")
    write_png(data, tmp_path / "pareto.png")
    html = (tmp_path / "report.html").read_text()
    assert ">No Pareto front: the scores differ only by noise</h2>" in html
    assert "Pareto front (measured)" not in html
    assert "Models of the Pareto front" not in html


def test_axes_have_the_unit_of_the_scores(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert search_plot(data).y_title == "AP50-95 (proxy), rung 1"
    untrained = changed(data, config={"proxy": "zerocost", "steps": None})
    assert search_plot(untrained).y_title == "score (untrained), rung 1"
    assert front_plot(untrained).y_title == "AP50-95 (proxy)"


def test_front_has_no_scores_of_another_rung(tmp_path: Path) -> None:
    data = make(tmp_path, rungs=3)
    assert "hand-made (predicted)" not in {series.name for series in front_plot(data).series}
    (hand_made,) = (series for series in search_plot(data).series if series.name == "hand-made")
    assert hand_made.x == data.trials.latency_ms[1:3].tolist()


def test_search_has_a_series_for_each_rung(tmp_path: Path) -> None:
    data = make(tmp_path, rungs=3)
    data.trials.loc[[0, 1], "rung"] = [3, 2]
    first, second, third, *_ = search_plot(data).series
    assert (len(first.x), second.x, third.x) == (18, [data.trials.latency_ms[1]], [data.trials.latency_ms[0]])


def test_image_sizes_have_symbols_and_other_costs_a_plot(tmp_path: Path) -> None:
    data = make(tmp_path, imgsz=(64, 96), minimize=("latency", "size"))
    _, front, *_ = front_plot(data).series
    assert not front.line  # with two costs, a line does not show which model is dominated
    assert front.symbols == [SYMBOLS[(64, 96).index(size)] for size in data.pareto.imgsz]
    assert len(set(data.pareto.imgsz)) == 2
    _, front, stock = cost_plot(data, "size").series
    assert front.x == pytest.approx([n * COSTS["size"].factor for n in data.pareto.weight_bytes])
    assert stock.x == [data.stock.weight_bytes * 1e-6]


@pytest.mark.parametrize("name", SPACES)
def test_every_shipped_space_has_a_report(name: str, tmp_path: Path) -> None:
    data = make(tmp_path, name, count=8)
    assert set(latency_by_part(data)) >= set(load_space(name).file.stages)
    write_html(data, tmp_path / "report.html")


def test_parts_add_up_to_the_prediction(tmp_path: Path) -> None:
    data = make(tmp_path)
    bars = draw_parts(latency_by_part(data)).data
    assert [bar.name for bar in bars] == ["stem", "p2", "p3", "p4", "p5", "tail", "neck", "head", "call"]
    expected = [*data.pareto.latency_predicted_ms, data.stock.latency_predicted_ms]
    assert [sum(parts) for parts in zip(*(bar.x for bar in bars), strict=True)] == pytest.approx(expected[::-1])
    assert list(bars[-1].x) == pytest.approx([OVERHEAD] * len(expected))
