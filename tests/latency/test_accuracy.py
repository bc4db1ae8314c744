"""The report card, on the fake runtime, and on one that is off by what a script says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.latency import builder as builder_module
from nas.latency.builder import TableBuilder
from nas.latency.card_file import card_path, load_card, save_card
from nas.latency.checking import check_table, held_out_models, make_card
from nas.latency.errors import MissingEntryError
from nas.latency.models import Model
from nas.latency.modules import end_to_end
from nas.latency.opening import builder_for, read_table
from nas.latency.report_card import ReportCard
from nas.latency.runtimes.base import Prepared
from nas.latency.runtimes.fake import FakeRuntime
from nas.latency.runtimes.measure import Measurement, Noise
from nas.latency.runtimes.registry import choose
from nas.latency.table import LatencyTable
from nas.latency.table_file import TableFile
from nas.reports.report_card import card_tables, write_card
from nas.spaces.architecture import decode
from nas.spaces.space import load_space

SPACE = load_space("tiny")
SIZE = 64
FITTED = SPACE.calibration(2)
QUIET = Noise(1.0, 0.0)


class Off(FakeRuntime):
    """Whole detectors cost ``factors`` times what their rows do, the next one each time something is measured."""

    def __init__(self, factors: Sequence[float]):
        super().__init__()
        self.factors, self.factor = iter(factors), 1.0

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        prepared = super().prepare(module, inputs)
        if isinstance(module, Network):
            cost = prepared.seconds()
            prepared.seconds = lambda: cost * self.factor  # type: ignore[method-assign]
        return prepared

    @contextmanager
    def measuring(self) -> Iterator[None]:
        self.factor = next(self.factors)
        yield


@contextmanager
def silent(title: str) -> Iterator[Callable[[float], None]]:
    yield lambda share: None


def models(count: int = 6, seed: int = 0, others: Sequence[Model] = ()) -> list[Model]:
    """Without the other templates, whose rows would only take time here."""
    chosen = held_out_models(SPACE, count, seed, 2, FITTED)
    return [*(model for model in chosen if model.kind != "other"), *others]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = builder_for(choose("fake"), tmp_path_factory.mktemp("card") / "t-1.5.csv")
    table.ensure(SPACE.rows(2, SIZE))
    table.calibrate(FITTED[:2], SIZE)
    return table.table.path


@pytest.fixture
def builder(built: Path, tmp_path: Path) -> TableBuilder:
    for file in (built, built.with_suffix(".json")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return builder_for(choose("fake"), tmp_path / built.name)


@pytest.fixture
def table(builder: TableBuilder) -> LatencyTable:
    return builder.table


@pytest.fixture(scope="module")
def card(built: Path) -> ReportCard:
    return check_table(builder_for(choose("fake"), built), models(), SIZE, silent, "tiny", 0)


def test_where_costs_are_exact_there_are_no_errors(card: ReportCard) -> None:
    assert [m.kind for m in card.models] == ["random"] * 6 + ["stock", "hand-made", "hand-made"]
    assert all(m.error == pytest.approx(0, abs=1e-9) and m.retest == 0 for m in card.models)
    found = card.figures
    assert (found["within_5pct"], found["within_10pct"], found["spearman"], found["kendall"]) == (1, 1, 1, 1)
    assert (found["mean_error"], found["worst_error"], found["bias"]) == pytest.approx((0, 0, 0), abs=1e-9)
    assert found["iso_pairs"] in {None, 1}
    assert not card.too_noisy
    assert card.verdict.startswith("good: 6 held-out models: 100% within 5 %")


def test_a_bias_and_a_drift_show(builder: TableBuilder) -> None:
    # One reading when the bench is made, then the two measurings of all models.
    builder.runtime, builder._bench = Off([1, 1.25, 1.0]), None
    card = check_table(builder, models(), SIZE, silent)
    assert all(m.second_ms == pytest.approx(m.predicted_ms, rel=1e-6) for m in card.models)
    assert all(m.first_ms == pytest.approx(1.25 * m.second_ms, rel=1e-6) for m in card.models)
    found = card.figures
    for name, value in {
        "bias": 1 / 1.125 - 1,
        "mean_error": 1 - 1 / 1.125,
        "worst_error": 1 - 1 / 1.125,
        "within_10pct": 0,
        "spearman": 1,
        "retest_bias": 0.25,
        "retest_worst_error": 0.25,
        "retest_spearman": 1,
    }.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name
    assert card.verdict.startswith("rough: 6 held-out models: 0% within 5 %, mean error 11.1%, worst 11.1%")


@pytest.mark.parametrize("group", [2, 64])
def test_both_measurings_of_a_group_are_apart(
    builder: TableBuilder, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder_module, "GROUP", group)
    detectors = [model.detector for model in models(3)[:3]]
    runtime = Off([1, *([2.0, 3.0] * len(detectors))])
    alone = [FakeRuntime().prepare(*end_to_end(detector, SIZE)).seconds() for detector in detectors]
    builder.runtime, builder._bench = runtime, None
    shares: list[float] = []
    first, second = builder.measure_twice(detectors, SIZE, shares.append)
    assert [m.ms for m in first] == pytest.approx([2e3 * s for s in alone])
    assert [m.ms for m in second] == pytest.approx([3e3 * s for s in alone])
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_the_random_members_are_held_out() -> None:
    drawn = [model for model in models(40) if model.kind == "random"]
    detectors = [model.detector for model in drawn]
    assert len({model.name for model in drawn}) == 40
    assert all(decode(model.name).detector(2) == model.detector for model in drawn)
    apart = [*FITTED, *(model.detector for model in models() if model.kind != "random")]
    assert not [detector for detector in detectors if detector in apart]
    assert models(40) == models(40)
    assert models(40) != models(40, seed=1)
    held_out = held_out_models(SPACE, 40, 0, 2, [*FITTED, *detectors[:3]])
    assert not [model for model in held_out if model.kind == "random" and model.detector in detectors[:3]]


def test_every_kind_is_there() -> None:
    mine = Model("mine.yaml", "other", SPACE.smallest().detector(2))
    found = held_out_models(SPACE, 1, 0, 2, FITTED, [mine])
    names = [(model.name, model.kind) for model in found[1:]]
    hand_made = [("yolov8n plain-faster_r4_e2", "hand-made"), ("yolov8n csp-faster_r4_e2", "hand-made")]
    others = [(name, "other") for name in (*TEMPLATES, "mine.yaml") if name != "yolov8n"]
    assert names == [("yolov8n", "stock"), *hand_made, *others]
    assert found[1].detector == TEMPLATES["yolov8n"].stock(2)


def test_a_space_with_too_few_members_is_refused() -> None:
    with pytest.raises(InputError, match="models=4: only 3 members of the space tiny"):
        held_out_models(_narrow(), 4, 0, 2, FITTED)


def _narrow() -> Any:
    """The space as it is, its members only three."""
    few = [decode(model.name) for model in models(3)[:3]]

    class Narrow:
        name, file = SPACE.name, SPACE.file
        stock, uniform_replacements = SPACE.stock, SPACE.uniform_replacements

        def random(self, rng: Any) -> Any:
            return few[int(rng.integers(3))]

    return Narrow()


def test_what_is_missing_is_measured_first(tmp_path: Path) -> None:
    builder = builder_for(choose("fake"), tmp_path / "t.csv")
    stock = SPACE.stock().detector(2)
    builder.ensure(stock.resolve(SIZE))
    with pytest.raises(MissingEntryError, match="is not calibrated at 64 pixels"):
        check_table(builder, models(1), SIZE, silent)
    builder.calibrate([stock], SIZE)
    small = SPACE.smallest().detector(1)  # its head is another one
    missing = len(builder.table.missing(small.resolve(SIZE)))
    assert missing > 0
    titles: list[str] = []

    @contextmanager
    def phase(title: str) -> Iterator[Callable[[float], None]]:
        titles.append(title)
        yield lambda share: None

    check_table(builder, [*models(1)[:1], Model("small", "other", small)], SIZE, phase)
    assert titles == [f"{missing} entries that the table lacks", "2 complete models, measured twice"]


def test_a_card_is_kept_beside_its_table(table: LatencyTable, card: ReportCard, tmp_path: Path) -> None:
    assert write_card(table, card) == tmp_path / "t-1.5.card-64.json" == card_path(table, SIZE)
    content = json.loads((tmp_path / "t-1.5.card-64.json").read_text())
    assert {name: content[name] for name in card.figures} == card.figures
    assert (content["runtime"], content["threads"], content["imgsz"], content["space"]) == ("fake", 1, SIZE, "tiny")
    assert content["identity"] == table.fingerprint
    assert content["too_noisy"] is False
    keys = ["name", "kind", "predicted_ms", "first_ms", "second_ms", "measured_ms", "retest", "spread_ms", "error"]
    assert [sorted(model) for model in content["models"]] == [sorted(keys)] * 9
    assert (tmp_path / "t-1.5.card-64.png").read_bytes().startswith(b"\x89PNG")
    again = builder_for(choose("fake"), table.path).table
    assert again.header.cards[str(SIZE)] == {k: v for k, v in card.figures.items() if v is not None}
    assert load_card(again, SIZE) == card


def test_the_noise_of_checking_is_not_the_tables(builder: TableBuilder, card: ReportCard) -> None:
    assert builder._bench is not None
    builder._bench._taken, builder._bench._quiet = 10, 1
    save_card(builder.table, card)
    assert builder_for(choose("fake"), builder.table.path).table.header.quiet == 1


def test_a_card_that_does_not_fit_is_refused(table: LatencyTable, card: ReportCard) -> None:
    with pytest.raises(InputError, match=r"card-64.json: there is no report card at 64 pixels; make it with python -m"):
        load_card(table, SIZE)
    save_card(table, card)
    table = builder_for(choose("fake"), table.path).table
    file = card_path(table, SIZE)
    whole = json.loads(file.read_text())

    def refused(message: str, **change: Any) -> None:
        file.write_text(json.dumps({**whole, **change}))
        with pytest.raises(InputError, match=message) as error:
            load_card(table, SIZE)
        assert str(error.value).startswith(str(file))
        assert "\n" not in str(error.value)

    refused("figures do not belong to the models", spearman=0.5)
    refused("figures do not belong to the models", too_noisy=True)
    refused("figures do not belong to the models", watts=1)
    refused("not readable as a report card", models=[])
    refused("not readable as a report card", models=[{**whole["models"][0], "first_ms": float("nan")}])
    refused("not readable as a report card", noise={})
    refused("not readable as a report card", identity=7)
    file.write_text("{")
    with pytest.raises(InputError, match="not readable as a report card"):
        load_card(table, SIZE)
    file.write_text(json.dumps(whole))
    file_of_table = TableFile(table)
    file_of_table.record(SIZE, {"spearman": 0.5})
    table = file_of_table.table
    with pytest.raises(InputError, match="does not belong to the table"):
        load_card(table, SIZE)


def test_the_card_of_a_kit(table: LatencyTable, card: ReportCard) -> None:
    """From measurings that were brought home; the table cannot measure."""
    away = replace(table, local=False)
    first = [Measurement(m.first_ms, m.spread_ms, 9) for m in card.models]
    second = [Measurement(m.second_ms, m.spread_ms, 9) for m in card.models]
    assert make_card(away, models(), SIZE, first, second, card.noise, "tiny", 0) == card
    save_card(away, card)
    assert load_card(read_table(away.path), SIZE) == card


@pytest.mark.parametrize(
    ("noise", "building", "text"),
    [
        (QUIET, QUIET, "good:"),
        (Noise(0.3, None), QUIET, "TOO NOISY while the models were measured (30% of the samples in quiet windows)"),
        (QUIET, Noise(0.9, 0.2), "TOO NOISY while the table was built (90% of the samples in quiet windows, 20.0%"),
    ],
)
def test_too_noisy_a_machine_is_said(card: ReportCard, noise: Noise, building: Noise, text: str) -> None:
    told = replace(card, noise=noise, built=building)
    assert told.verdict.startswith(text)
    assert told.facts()["too_noisy"] is told.too_noisy is (text != "good:")


def test_the_tables_for_a_person(card: ReportCard) -> None:
    figures, others = card_tables(card)
    assert figures.row_count == 9
    cells = [list(column.cells) for column in others.columns]
    assert cells[0] == ["yolov8n", "yolov8n plain-faster_r4_e2", "yolov8n csp-faster_r4_e2"]
    assert cells[4] == ["+0.0%"] * 3 or set(cells[4]) <= {"+0.0%", "-0.0%"}


def test_one_random_model_is_enough(builder: TableBuilder) -> None:
    card = check_table(builder, models(1)[:1], SIZE, silent)
    assert (card.figures["spearman"], card.figures["iso_pairs"]) == (None, None)
    write_card(builder.table, card)
    assert load_card(builder_for(choose("fake"), builder.table.path).table, SIZE) == card
    assert "Spearman" not in card.verdict
    assert isinstance(card.models[0].predicted_ms, float)
    assert all(isinstance(model.detector, Detector) for model in models(1))
