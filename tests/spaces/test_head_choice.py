"""Heads as choices: their strings, rows and files; a space without them stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from nas.detectors.heads import anchor_free, in_dialect
from nas.detectors.rows import Row
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError, ModelError
from nas.files import shipped
from nas.spaces.architecture import Architecture, decode, stock
from nas.spaces.head_choice import HeadChoice
from nas.spaces.new_space import new_space
from nas.spaces.recognize import recognize
from nas.spaces.space import load_space
from nas.spaces.space_file import HeadFile

STOCK = str(stock(TEMPLATES["yolov8n"]))
SHIPPED = load_space("yolov8n-pretrained")
ALL = HeadFile.model_validate({"box": [0.5, 1], "class": [0.5, 1], "depth": [1, 2], "depthwise": [False, True]})
SPACE = replace(SHIPPED, file=SHIPPED.file.model_copy(update={"head": ALL}))


@pytest.mark.parametrize(
    ("template", "head", "nc", "args"),
    [
        ("yolov8n", "dense_b0.5_c0.5_n1", 3, (32, 32, 1, False)),
        ("yolov8n", "dense_b1_c0.5_n2", 80, (64, 40, 2, False)),
        ("yolov8n", "depthwise_b0.25_c1_n2", 200, (16, 100, 2, True)),
        ("yolov8s", "dense_b0.75_c1_n1", 80, (48, 128, 1, False)),
        ("yolo11n", "depthwise_b0.5_c1_n2", 3, (32, 64, 2, True)),
    ],
)
def test_a_choice_writes_a_row_and_is_known_by_it(template: str, head: str, nc: int, args: tuple[object, ...]) -> None:
    member = decode(f"{stock(TEMPLATES[template])}/head:{head}")
    detector = member.detector(nc)
    assert detector.rows[:-1] == stock(TEMPLATES[template]).detector(nc).rows[:-1]
    assert (detector.rows[-1].module, detector.rows[-1].args) == ("SlimDetect", (nc, *args))
    assert decode(str(member)) == member == recognize(detector, [TEMPLATES[template]])
    assert anchor_free(detector) == in_dialect(detector, "ultralytics") == detector
    assert member.replace({}).head == member.head


@pytest.mark.parametrize(("template", "head"), [("yolov8n", "dense_b1_c1_n2"), ("yolo11n", "depthwise_b1.0_c1_n2")])
def test_the_stock_head_is_not_spelled_out(template: str, head: str) -> None:
    own = stock(TEMPLATES[template])
    assert decode(f"{own}/head:{head}") == own
    assert own.detector(3).rows[-1].module == "Detect"
    assert not {name for name in (*own.features, *own.summary) if name.startswith("head")}


def test_a_surrogate_sees_the_distance_from_the_stock_head() -> None:
    head = HeadChoice(0.5, 1, 1, True)
    member = Architecture("yolov8n", stock(TEMPLATES["yolov8n"]).backbone, head=head)
    wanted = {"head.box": -1, "head.class": 0, "head.depth": -1, "head.depthwise": 1}
    assert wanted.items() <= member.features.items() and wanted.items() <= member.summary.items()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{STOCK}/head:thin_b1_c1_n2", "unknown kind 'thin'; known are dense, depthwise"),
        (f"{STOCK}/head:dense_b1_n2", "expected the fields b, c, n in this order"),
        (f"{STOCK}/head:dense_b3_c1_n2", "3 cannot be; give a number from 0.125 to 2"),
        (f"{STOCK}/head:dense_b1_c1_n5", "5 cannot be; give a number from 1 to 4"),
        (f"{stock(TEMPLATES['yolo26n'])}/head:dense_b1_c1_n1", "the head of yolo26n cannot be chosen; drop head:dense"),
    ],
)
def test_bad_heads(text: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        decode(text)
    assert caught.value.field == "head" and message in str(caught.value)


def test_a_head_that_no_choice_gives() -> None:
    detector = stock(TEMPLATES["yolov8n"]).detector(3)
    odd = replace(detector, rows=(*detector.rows[:-1], Row((15, 18, 21), 1, "SlimDetect", (3, 20, 64, 2, False))))
    with pytest.raises(ModelError, match="is no head that a space can have") as caught:
        SPACE.member(odd)
    assert caught.value.field == "row 22 (SlimDetect)"


@pytest.mark.parametrize("name", ["yolov5", "yolov9"])
def test_other_trainers_cannot_have_it(name: str) -> None:
    template = TEMPLATES["yolov5n" if name == "yolov5" else "gelan-t"]
    detector = decode(f"{stock(template)}/head:dense_b0.5_c0.5_n1").detector(3)
    with pytest.raises(ModelError, match="cannot train a head with widths of its own") as caught:
        in_dialect(detector, name)
    assert caught.value.field == f"row {len(detector.rows) - 1} (SlimDetect)"


def test_a_space_draws_heads_and_mutates_them() -> None:
    rng = np.random.default_rng(0)
    heads = {SPACE.random(rng).head for _ in range(60)}
    assert None in heads and len(heads) > 8 and heads <= set(SPACE.heads) and len(SPACE.heads) == 16
    mutants = [SPACE.mutate(SPACE.stock(), rng) for _ in range(60)]
    assert any(mutant.head and mutant.stages == SPACE.stock().stages for mutant in mutants)
    assert SPACE.smallest().head == HeadChoice(0.5, 0.5, 1, True)
    trial = optuna.trial.FixedTrial(SPACE.parameters(SPACE.smallest()))
    assert SPACE.suggest(trial) == SPACE.smallest()


def test_a_table_of_the_space_is_as_large_as_the_page_says() -> None:
    modules = [row.row.module for row in SHIPPED.rows(3, 64)]
    assert (len(modules), sum("Detect" in module for module in modules)) == (410, 72)


def test_a_head_of_another_space_is_no_member() -> None:
    member = decode(f"{STOCK}/head:dense_b0.5_c0.5_n1")
    with pytest.raises(ModelError, match="is not a member"):
        load_space("yolov8n").parameters(member)
    with pytest.raises(ModelError, match="is not a choice of the space yolov8n") as caught:
        load_space("yolov8n").member(member.detector(3))
    assert caught.value.field == "stage head"


def test_a_new_space_offers_the_head_of_its_model(tmp_path: Path) -> None:
    member = decode(f"{STOCK}/head:depthwise_b0.75_c1_n2")
    file = tmp_path / "mine.yaml"
    file.write_text(new_space(member.detector(3), "mine"))
    space = load_space(file)
    assert "head: {box: [0.75, 1], class: [1], depth: [2], depthwise: [false, true]}" in file.read_text()
    assert space.member(member.detector(3)) == member


def test_no_shipped_space_has_another_hash() -> None:
    """Runs and latency tables of earlier versions name it."""
    assert load_space("yolov8n").fingerprint == "9966694254bd53d1"
    assert load_space("yolov8n-neck").fingerprint == "63855a58459e6f2c"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("yolov8n-pretrained", "box: [0.5, 1]", "box: [0.5]", "head.box: lacks 1, the stock model's own"),
        ("yolov8n-pretrained", "class: [0.5, 1]", "class: [0, 1]", "head.class: 0 cannot be; write numbers from 0.125"),
        ("yolov8n-pretrained", "depth: [2], depthw", "depth: [1], depthw", "head.depth: lacks 2"),
        ("yolov8n-pretrained", "depth: [2], depthw", "depth: [2, 9], depthw", "head.depth: 9 cannot be"),
        ("yolov8n-pretrained", "depthwise: [false]", "depthwise: [true]", "head.depthwise: lacks False"),
        ("yolov8n-pretrained", "head: {box: ", "head: {width: ", "head.box: missing; add it"),
        ("yolov8n-pretrained", "head: {", "head: {bins: [8], ", "head.bins: unknown key; known are box, class, depth,"),
        (
            "yolo26n",
            "template: yolo26n",
            "template: yolo26n\nhead: {box: [1], class: [1], depth: [2], depthwise: [true]}",
            "head: the head of yolo26n",
        ),
    ],
)
def test_bad_files(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    good = (shipped("search_spaces") / f"{name}.yaml").read_text()
    assert old in good
    file = tmp_path / "mine.yaml"
    file.write_text(good.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_space(file)
    assert str(caught.value).startswith(f"{file}: {message}")
