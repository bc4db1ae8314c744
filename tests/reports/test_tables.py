"""The numbers of a report, before they are drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nas.detectors.costs import cost
from nas.errors import InputError
from nas.reports.findings import findings
from nas.reports.front_picture import write_png
from nas.reports.kept_table import card_frame, cards
from nas.reports.report_page import write_html
from nas.reports.run_data import load_run
from nas.reports.tables import by_hand, ended_early, errors, fell_out, front_table, model_rows, not_trained, phases
from nas.runs.score_noise import CHANCE
from nas.spaces.architecture import decode
from tests.reports.made import NC, make


def test_the_front_stands_beside_the_stock_model(tmp_path: Path) -> None:
    data = make(tmp_path)
    table = front_table(data)
    assert table.model.tolist() == [*data.pareto.name, "stock"]
    assert table["speed"].tolist() == pytest.approx(data.stock["latency_ms"] / table["measured, ms"])
    assert table["measured to predicted"].tolist() == pytest.approx([0.02] * len(table))
    assert table["weights, MB"].iloc[-1] == data.stock["weight_bytes"] / 1e6
    # What all lack, or have alike, is no column.
    assert {"px", "limits kept", "test score", "score sd"}.isdisjoint(table)
    more = front_table(make(tmp_path / "more", sizes=(64, 96), rungs=3, max_latency=100.0))
    assert {"px", "limits kept", "test score", "score sd"} <= set(more)


def test_rows_add_up_to_the_model(tmp_path: Path) -> None:
    data = make(tmp_path, sizes=(64, 96))
    for model in data.pareto.itertuples():
        rows, whole = model_rows(data, model.arch), cost(decode(model.arch).detector(NC), model.imgsz)
        assert (rows.params.sum(), rows["MACs, M"].sum()) == (whole.params, pytest.approx(whole.macs / 1e6))
        assert rows["of latency"].sum() == pytest.approx(1)
        assert rows.part.drop_duplicates().tolist() == ["stem", "p2", "p3", "p4", "p5", "tail", "neck", "head"]
        assert rows.part.value_counts()[["p2", "p3", "p4", "p5", "head"]].tolist() == [2, 2, 2, 2, 1]


def test_hand_made_models_stand_beside_the_stock_model(tmp_path: Path) -> None:
    data = make(tmp_path, sizes=(64, 96))
    table, stock = by_hand(data), data.trials.iloc[0]
    assert table.model.tolist() == ["stock at 96 px", "all plain-faster r4 e2", "all csp-faster r4 e2"]
    first = data.trials.iloc[1]
    assert table["score to stock"][0] == pytest.approx(first.score - stock.score)
    assert table["macs to stock"][0] == pytest.approx(96**2 / 64**2 - 1, rel=0.01)
    data.options["start"] = [data.trials.arch[1]]
    assert by_hand(data).model[0] == "named with --start"


def test_what_was_not_trained_is_told(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert dict(zip(*(ended_early(data)[c] for c in ("state", "trials")), strict=True)) == {
        "duplicate": 1,
        "gated": 1,
        "failed": 1,
    }
    assert not_trained(data).why.tolist() == [
        "same as trial 2",
        "latency 7.0% over its limit",
        "ValueError: <b>broken</b>",
    ]
    assert len(fell_out(data)) == len(data.finalists) - len(data.pareto)
    assert errors(data).error.tolist() == pytest.approx([0.02] * 20)
    write_html(data, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert "latency 7.0% over its limit" in html
    assert "&lt;b&gt;broken" in html
    assert "<b>broken" not in html


def test_phases_are_shares_of_what_was_counted(tmp_path: Path) -> None:
    table = phases(make(tmp_path))
    assert table.to_dict("list") == {"phase": ["table", "search"], "seconds": [10, 30], "share": [0.25, 0.75]}


def test_the_finding_says_how_much_faster(tmp_path: Path) -> None:
    data = make(tmp_path)
    first, fastest, best, chance = findings(data)
    as_good = data.pareto[data.pareto.score >= data.stock["score"]]
    assert first == f"{len(data.pareto)} detectors on the front, of 20 trained."
    ratio = data.stock["latency_ms"] / as_good.latency_ms.min()
    assert f"{as_good.name.iloc[0]}, is {ratio:.2f} times as fast" in fastest
    assert f"{data.pareto.score.max():.4f} against {data.stock['score']:.4f}" in best
    assert chance == f"Differences in score below {CHANCE * 0.002:.3f} are chance."


def test_the_finding_of_noise_is_noise(tmp_path: Path) -> None:
    first, second = findings(make(tmp_path, seeds=0.02))
    assert first == "The scores are noise: this run cannot say which of 20 candidates detects better."
    assert second.endswith("are no front.")


def test_the_stock_model_may_win(tmp_path: Path) -> None:
    data = make(tmp_path)
    alone = make(tmp_path / "alone", count=1)
    assert findings(alone)[0] == "1 detector on the front, of 1 trained."
    assert "Nothing that scores as much as the stock model is faster (" in findings(alone)[1]
    assert findings(alone)[2] == "Nothing that is as fast scores more."
    assert front_table(alone).model.tolist() == [f"{alone.pareto.name[0]} (stock)"]
    none = make(tmp_path / "none", max_latency=0.1)
    assert findings(none) == ["No finalist of 20 trained candidates keeps every limit: the front is empty."]
    write_html(none, tmp_path / "report.html")
    data.stock["score"] = 0.9
    data.stock["fell"] = "over --max-latency"
    assert "which is over --max-latency" in findings(data)[1]


def test_finalists_with_several_seeds_tell_their_own_noise(tmp_path: Path) -> None:
    data = make(tmp_path, rungs=3)
    assert data.noise == pytest.approx(CHANCE * 0.004 / 2**0.5)


def test_the_table_that_was_too_noisy_or_forced_is_told(tmp_path: Path) -> None:
    data = make(tmp_path, quiet=0.2, forced="another device")
    write_html(data, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert "too noisy while the latency table was measured" in html
    assert "does not fit this device: another device" in html


def test_the_cards_figures_are_kept_with_the_run(tmp_path: Path) -> None:
    of = {"mean_error": 0.02, "retest_mean_error": 0.005, "spearman": 0.98}
    data = make(tmp_path, cards={"64": of, "640": {}})
    assert cards(data) == {"64": of}
    frame = card_frame(of).set_index("figure")
    assert frame.loc["mean error"].tolist() == ["2.0%", "0.5%"]
    assert frame.loc["Spearman"].tolist() == ["0.980", "-"]


def test_a_run_without_its_rows_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "rows.csv").unlink()
    with pytest.raises(InputError, match=r"has no rows.csv; finish the search with --resume"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "run.json: damaged"),
        ("{}", "not a finished run of this release; finish the search with --resume"),
        ("[]", "not a finished run"),
    ],
)
def test_a_damaged_run_is_refused(tmp_path: Path, content: str, message: str) -> None:
    make(tmp_path)
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=message):
        load_run(tmp_path)


def test_a_run_that_goes_on_is_no_finished_one(tmp_path: Path) -> None:
    """Its front is of fewer candidates than its trials by now."""
    facts = make(tmp_path).facts
    (tmp_path / "run.json").write_text(json.dumps(facts | {"status": "running"}))
    with pytest.raises(InputError, match="not a finished run"):
        load_run(tmp_path)


def test_names_in_the_picture_are_no_formulas(tmp_path: Path) -> None:
    data = make(tmp_path)
    options = data.facts["options"] | {"space": "a$^$b", "data": "/data/$x^$/data.yaml"}
    write_png(replace(data, facts=data.facts | {"options": options}), tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").stat().st_size > 1000


def test_the_report_needs_nothing_but_its_run(tmp_path: Path) -> None:
    data = make(tmp_path)
    assert not Path(data.facts["table"]["path"]).exists()
    write_html(data, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert (tmp_path / "report.html").stat().st_size < 6e6
    assert "default-src 'none'" in html
    for name in data.pareto.name:
        assert "data=data.yaml imgsz=64 epochs=300" in html
        assert f'id="model-{name}"' in html
    assert json.loads(html.split('id="front-plot-data">')[1].split("</script>")[0])["data"][1]["x"] is not None
