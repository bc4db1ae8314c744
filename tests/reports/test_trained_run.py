"""A run with pretrained weights: page, picture, tables, slider, cards and commands go by AP and the size curve."""

from __future__ import annotations

import shlex
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from nas.reports.comparison import compare
from nas.reports.front_picture import write_png
from nas.reports.picked import picked_json, picked_lines
from nas.reports.picker import picker
from nas.reports.plots import YOURS, front_plot
from nas.reports.plotting import draw
from nas.reports.report_page import write_html
from nas.reports.run_data import RunData
from nas.reports.study_note import StudyLinks, study_note
from nas.reports.summary import summarize
from nas.reports.tables import front_table, rejected_finalists, size_curve
from nas.runs.gains import headline
from nas.runs.run_cards import run_card
from nas.runs.trials import TrialRecord
from nas.search.result_table import show_result
from nas.terminal import Terminal
from tests.reports.made import changed, make


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    """Found models are 0.03 above the size curve."""
    return make(tmp_path_factory.mktemp("better"), gain=0.03, seeds=0.02)


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    return make(tmp_path_factory.mktemp("worse"), gain=-0.1)


def test_the_front_is_that_of_ap_though_scores_are_noise(better: RunData) -> None:
    assert not better.result.score_noise.tells_apart
    assert (better.has_ap, better.tells_apart, better.accuracy_name, better.final_unit) == (True, True, "AP", "AP50-95")
    assert better.pareto.ap.is_monotonic_increasing
    assert [model.accuracy for model in better.result.front] == better.pareto.ap.tolist()


def test_the_summary_begins_with_the_verdict(better: RunData, worse: RunData) -> None:
    first, second, *_ = summarize(better)
    assert first == headline(better.run)
    assert "found models beat your model at smaller images" in first
    assert second.endswith("detectors on the Pareto front, from 20 trained candidates.")
    first, *others = summarize(worse)
    assert first.startswith("No found model beats your model at smaller images: your model at ")
    assert not any("score" in text for text in others)
    assert others[-1].endswith("Its spread is not known: small differences may be chance.")


def test_the_curve_is_a_line_of_its_own(better: RunData, tmp_path: Path) -> None:
    plot = front_plot(better)
    curve, finalists, front, stock, _ = plot.series
    assert (curve.name, curve.line, curve.labels) == (f"{YOURS} (measured)", "straight", ["64", "56", "48", "40", "32"])
    assert curve.y == [point.ap for point in better.result.curve]
    assert front.y == better.pareto.ap.tolist() and front.line == "steps" and not front.y_error
    assert sorted(finalists.y) == sorted(model.ap for model in better.result.finalists if model.ap is not None)
    assert stock.y == [0.5]
    assert len({series.color for series in plot.series}) == len(plot.series)
    assert (plot.y_title, plot.y_name) == ("AP50-95", "AP")
    trace = draw(plot).data[0]
    assert (trace.mode, trace.line.dash, list(trace.text)) == ("lines+markers+text", "dash", curve.labels)
    write_png(better, tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")


def test_a_finalist_without_ap_is_on_no_figure(better: RunData) -> None:
    first, *others = better.result.finalists
    lacking = replace(first, name="", ap=None, weights="", rejected="not trained, so its AP is not known")
    data = changed(better, result=better.result.model_copy(update={"finalists": (*others, lacking)}))
    assert '"y":[' in draw(front_plot(data)).to_json() and "NaN" not in draw(front_plot(data)).to_json()
    assert rejected_finalists(data).reason.tolist()[-1] == lacking.rejected


def test_tables_hold_ap_and_its_difference_to_the_curve(better: RunData) -> None:
    table = front_table(better)
    assert table.columns[:3].tolist() == ["model", "AP", "AP vs. your model"]
    found = table[~table.model.str.contains("stock")]
    assert found["AP vs. your model"].to_numpy() == pytest.approx(0.03)
    curve = size_curve(better)
    assert curve["your model at"].tolist() == ["64 px", "56 px", "48 px", "40 px", "32 px"]
    assert "predicted, ms" not in curve
    assert curve.speedup.tolist() == pytest.approx([1, 1 / 0.875**2, 1 / 0.75**2, 1 / 0.625**2, 4])


def test_without_a_device_the_curve_is_predicted(tmp_path: Path) -> None:
    data = make(tmp_path, gain=-0.1, here=False, count=6)
    assert "measured, ms" not in size_curve(data)
    assert front_plot(data).series[0].name == f"{YOURS} (predicted)"
    assert "AP" in rejected_finalists(data) or rejected_finalists(data).empty


def test_the_page_has_the_curve_and_the_next_commands(better: RunData, tmp_path: Path) -> None:
    write_html(better, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Your own model at several image sizes" in page
    model = better.result.front[0]
    assert f"pretrained={better.folder / model.weights} " in page
    assert f"nas.export {better.folder / model.weights} --onnx" in page
    assert "scores differ only by noise" not in page.split("</header>")[1]


def test_the_slider_and_the_pick_go_by_ap(better: RunData, worse: RunData) -> None:
    slider = picker(better)
    assert slider is not None
    for choice in slider.choices:
        within = [model for model in better.result.front if model.latency <= choice.budget]
        assert choice.name == max(within, key=lambda model: model.accuracy).name
        assert list(choice.figures) == ["AP", "latency", "size"]
        assert list(choice.commands) == [
            "train it further",
            "export it to ONNX",
            "train it further, export and measure it",
        ]
    found = next(choice for choice in slider.choices if "stock" not in choice.name)
    assert found.notes.startswith("It has AP ") and "above the size curve of your model" in found.notes
    slider = picker(worse)
    assert slider is not None
    fastest = slider.choices[0]
    assert fastest.notes.startswith("Better: your model at 48 px, with AP 0.400 at ")
    assert f"Export it: python -m nas.export {worse.folder / 'teacher.pt'} --onnx --imgsz 48" in fastest.notes


def test_a_pick_says_that_the_own_model_is_better(worse: RunData) -> None:
    limit = worse.result.front[0].latency
    picked = worse.run.pick(limit)
    lines = picked_lines(worse.run, picked, limit)
    assert any(line.startswith("Better: your model at 48 px") for line in lines)
    content = picked_json(worse.run, picked, limit)
    assert content["better_size"]["imgsz"] == 48
    assert content["model"]["ap"] == picked.model.ap
    assert content["files"]["weights"] == str(worse.folder / "pareto" / f"{picked.model.name}.pt")
    train = shlex.split(content["commands"]["train it further"])
    assert {"epochs=100", f"pretrained={content['files']['weights']}"} < set(train)


def test_the_card_names_the_checkpoint_and_its_license(better: RunData) -> None:
    card = run_card(better.run, better.result.front[0])
    text = card.markdown()
    assert f"`{better.result.front[0].name}.pt` holds its trained weights" in text
    assert f"| AP50-95 | {better.result.front[0].ap:.4f} |" in text
    assert "license: agpl-3.0" in text and "made from best.pt by ParetoYOLO" in text
    assert "Beside the model that the search started from: AP " in text
    assert card.metadata()["metrics"][0] == "mAP50-95"


def printed(data: RunData) -> str:
    out = StringIO()
    result: Any = SimpleNamespace(
        run=data.run, front=data.run.front, stock=data.run.stock, score_noise=data.result.score_noise, finished=None
    )
    with Terminal(Console(file=out, width=200)) as terminal:
        show_result(result, terminal)
    return out.getvalue()


def test_the_terminal_begins_with_the_verdict_and_recommends(better: RunData, worse: RunData) -> None:
    text = printed(better)
    assert text.startswith(headline(better.run))
    assert "Train it further:" in text and "AP50-95" in text and "Your own model at several image sizes" in text
    text = printed(worse)
    assert text.startswith("No found model beats your model at smaller images")
    assert "Recommended: your model at 64 px, with AP 0.500" in text  # the stock model, trained on, is no better
    assert f"The best model of the front is {worse.run.pick().model.name}" in text


def test_the_own_model_is_recommended_where_it_is_better(tmp_path: Path) -> None:
    data = make(tmp_path, gain=-0.1, count=6, max_latency=4.0)
    assert "Recommended: your model at 56 px, with AP 0.450 at" in printed(data)
    assert f"python -m nas.export {data.folder / 'teacher.pt'} --onnx --imgsz 56" in printed(data)


def test_the_note_of_the_study_has_the_verdict(better: RunData) -> None:
    rows = [
        TrialRecord(int(row.number), row.state, row.arch, row.score, row.latency_ms, row.params, row.macs, 0, 1, 1.0)
        for row in better.trained.itertuples()
    ]
    note = study_note(better.run, "AP", rows, StudyLinks("", {}), ended=True)
    assert headline(better.run) in note
    assert ";AP | " in note.split("## Results")[1]


def test_runs_with_and_without_ap_are_not_compared_by_it(better: RunData, tmp_path: Path) -> None:
    plain = make(tmp_path)
    assert "the figure is AP in A and score in B" in compare(better, plain).difference
    same = compare(better, better)
    assert same.on_a.volume == pytest.approx(1)
    assert same.on_a.own.score.tolist() == better.pareto.ap.tolist()
    assert same.on_a.changes.columns.tolist() == ["model", "ms", "AP", "AP change", "latency change"]
    assert not any("core" in text for text in same.summary)  # neither Score nor score
