"""Spaces: members, their strings, the rows they need, and what a person reads when a file is off."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import optuna
import pytest

from nas.detectors.costs import cost
from nas.detectors.rows import Detector, Row
from nas.detectors.templates import NECK, TEMPLATES
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.errors import ConfigError, ModelError
from nas.files import shipped
from nas.operators.registry import FAMILIES
from nas.spaces.architecture import Architecture, choose, decode
from nas.spaces.space import Space, load_space

SPACES = sorted(path.stem for path in shipped("search_spaces").glob("*.yaml"))


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest) -> Space:
    return load_space(request.param)


def members(space: Space, count: int) -> list[Architecture]:
    rng = np.random.default_rng(0)
    return [space.stock(), space.smallest(), *space.uniform_replacements(), *(space.random(rng) for _ in range(count))]


def test_strings_decode_without_the_run(space: Space) -> None:
    for member in members(space, 200):
        assert decode(str(member)) == member
        assert decode(str(member)).detector(3) == member.detector(3)


def test_every_choice_is_a_number_to_the_surrogate(space: Space) -> None:
    for stage in space.file.stages:
        for choice in space.choices(stage):
            member = space.stock().replace({stage: choice})
            assert all(math.isfinite(value) for value in (member.features | member.summary).values())


def test_a_summary_counts_operators_and_adds_up_stages() -> None:
    member = decode(
        "yolov8n.1/p2:c2f_e0.5_n1_c32/p3:csp-faster_r4_e2_n2_c48/p4:plain-faster_r4_e2_n2_c128/p5:csp-faster_r2_e1_n1_c256"
    )
    summary = member.summary
    operators = {name: value for name, value in summary.items() if "-" in name}
    assert operators == {"csp-c2f": 5, "csp-faster": 2, "plain-faster": 1}  # the neck's four are c2f
    assert summary["p3.channels"] == math.log2(48) and summary["p3.depth"] == 1
    # The convolution of 32 to 64 channels to 16 x 16 pixels of 64, and the block that it feeds.
    stock = load_space("yolov8n").stock().summary
    macs = 16 * 16 * (9 * 16 * 32 + 32 * 32 + 2 * 9 * 16 * 16 + 48 * 32)
    assert stock["p2.macs"] == pytest.approx(math.log2(macs))


def test_equal_models_have_equal_strings(space: Space) -> None:
    found = {str(m): m.detector(3) for m in members(space, 300)}
    assert len(set(found.values())) == len(found)


def test_members_come_back_from_their_parameters(space: Space) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for member in members(space, 20):
        study.enqueue_trial(space.parameters(member))
        trial = study.ask()
        assert space.suggest(trial) == member
        study.tell(trial, (0.0, 0.0))


def test_the_image_size_is_one_more_choice() -> None:
    space, rng = load_space("tiny", (320, 256, 480)), np.random.default_rng(0)
    assert (space.stock().imgsz, space.smallest().imgsz) == (320, 256)
    assert [(str(member), member.detector(3)) for member in space.resized()] == [
        (str(space.stock()).replace("@320/", f"@{size}/"), space.stock().detector(3)) for size in (256, 480)
    ]
    found = [space.random(rng) for _ in range(40)]
    assert {member.imgsz for member in found} == {256, 320, 480}
    assert all(member.imgsz == 320 for member in space.uniform_replacements())
    study = optuna.create_study(directions=["maximize", "minimize"])
    for member in found:
        assert decode(str(member)) == member
        study.enqueue_trial(space.parameters(member))
        trial = study.ask()
        assert trial.params == {} and space.suggest(trial) == member
        assert trial.params["imgsz"] == member.imgsz
        study.tell(trial, (0.0, 0.0))
    mutants = [space.mutate(space.stock(), rng) for _ in range(60)]
    assert {member.imgsz for member in mutants} == {256, 320, 480}
    alone = [member for member in mutants if member.imgsz != 320 and member.stages == space.stock().stages]
    assert alone and all(member.features["imgsz"] != space.stock().features["imgsz"] for member in alone)


def test_one_image_size_is_no_choice() -> None:
    space = load_space("tiny", (320,))
    assert space == load_space("tiny")
    assert "@" not in str(space.stock()) and space.resized() == []


def test_every_operator_is_in_a_shipped_space() -> None:
    """But for those that save nothing but size, which a search takes up only under a limit on size."""
    offered = {key for name in SPACES for key in load_space(name).file.operators}
    assert offered == {key for key, family in FAMILIES.items() if not family.only_size}


def test_stock_is_the_template(space: Space) -> None:
    assert space.stock().detector(80) == TEMPLATES[space.file.template].stock(80)


def test_uniform_replacements_keep_the_convolutions(space: Space) -> None:
    stock = space.stock().detector(3).rows
    for member in space.uniform_replacements():
        rows = member.detector(3).rows
        changed = [index for index, (row, own) in enumerate(zip(rows, stock, strict=True)) if row != own]
        others = [new.family != own.family for new, own in zip(member.backbone, space.stock().backbone, strict=True)]
        assert changed == [index for index, other in zip((2, 4, 6, 8), others, strict=True) if other]
        assert sum(others) in {1, 3, 4} if space.name.startswith("gelan") else all(others)


def test_stages_that_widen_offer_both_widths() -> None:
    """YOLO11's p2 and p3: a searched operator can have what reaches the stock stage, and what leaves it."""
    space = load_space("yolo11n")
    for name, widths in (("p2", {32, 64}), ("p3", {64, 128})):
        found = {(c.stage().entry, c.channels) for c in space.choices(name) if c.family == "faster"}
        assert {(width, width) for width in widths} <= found
    rows = space.stock().detector(3).rows
    assert [rows[i].args[0] for i in range(1, 9)] == [32, 64, 64, 128, 128, 128, 256, 256]


def test_parameters_are_conditional_on_the_operator() -> None:
    space = load_space("yolov8n")
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(20):
        trial = study.ask()
        member = space.suggest(trial)
        for stage, choice in zip(("p2", "p3", "p4", "p5"), member.backbone, strict=True):
            asked = {
                name.split(".")[1] for name in trial.params if name.startswith(f"{stage}.") and name.count(".") == 2
            }
            assert asked == {choice.family}


def test_rows_cover_every_member(space: Space) -> None:
    known = {(row.row.module, row.inputs, row.call) for row in space.rows(3, 160)}
    for member in members(space, 100):
        for row in member.detector(3).resolve(160):
            assert (row.row.module, row.inputs, row.call) in known


def test_smallest_is_smallest(space: Space) -> None:
    smallest = cost(space.smallest().detector(3)).params
    assert all(cost(member.detector(3)).params >= smallest for member in members(space, 200))


def test_default_space_is_what_the_readme_says() -> None:
    space = load_space("yolov8n")
    assert set(space.file.operators) == {"c2f", "faster", "het", "grouped"}
    for stage in space.file.stages.values():
        assert len(stage.channels) == 5
        assert all(c % 8 == 0 for c in stage.channels)
        assert stage.depth == [1, 2, 3]


def test_divisors_are_repaired() -> None:
    # 24 channels in a CSP shell are 12 inside, and half of that is 6: 8 groups cannot be, 2 can.
    assert choose("grouped", "csp", 24, 1, {"groups": 8, "expansion": 0.5}).named()["groups"] == 2
    assert choose("grouped", "csp", 24, 1, {"groups": 8, "expansion": 1}).named()["groups"] == 4
    assert choose("grouped", "plain", 24, 1, {"groups": 8, "expansion": 1.0}).named() == {"groups": 8, "expansion": 1}
    # Half of 24 is no multiple of 8, which the trainers round channels to.
    narrow = {"c3k": 0, "expansion": 0.5, "in_div": 2}
    assert [choose("c3k2", "csp", c, 1, narrow).stage().entry for c in (8, 16, 24, 32)] == [8, 8, 24, 16]


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("yolov9x.1/p2:c2f_e0.5_n1_c32", "template", "unknown template 'yolov9x'"),
        ("yolov8n.7/p2:c2f_e0.5_n1_c32", "version", "yolov8n has version 1 in this release, not '7'"),
        ("yolov8n.1/p2:c2f_e0.5_n1_c32", "stages", "expected the stages p2, p3, p4, p5"),
        ("STOCK", "template", "unknown template 'STOCK'"),
        ("yolov8n.1@/p2:x/p3:x/p4:x/p5:x", "imgsz", "cannot be ''; give a multiple of 32"),
        ("yolov8n.1@100/p2:x/p3:x/p4:x/p5:x", "imgsz", "cannot be '100'; give a multiple of 32"),
        ("yolov8n.1/p2:c3_e0.5_n1_c32/p3:x/p4:x/p5:x", "p2", "unknown operator 'c3'"),
        ("yolov8n.1/p2:faster_r4_e2_n1_c32/p3:x/p4:x/p5:x", "p2", "unknown operator 'faster'"),
        ("yolov8n.1/p2:c2f_n1_c32/p3:x/p4:x/p5:x", "p2", "expected the fields e, n, c"),
        ("yolov8n.1/p2:c2f_e0.5_n1_c30/p3:x/p4:x/p5:x", "p2", "multiple of 8"),
        ("yolov8n.1/p2:c2f_e7_n1_c32/p3:x/p4:x/p5:x", "p2", "expansion cannot be 7; give numbers from 0.125 to 1.0"),
        ("yolov8n.1/p2:c3k2_k0_e0.5_i1_n1_c32/p3:x/p4:x/p5:x", "p2", "unknown operator 'c3k2'; known are c2f, plain-"),
        ("yolo11n.1/p2:c2f_e0.5_n1_c32/p3:x/p4:x/p5:x", "p2", "unknown operator 'c2f'; known are c3k2, plain-faster,"),
        (
            "yolo11n.1/p2:plain-star_e1_n1_c16/p3:plain-star_e1_n1_c16/p4:plain-star_e1_n1_c16/p5:plain-star_e1_n1_c400",
            "row 10 (C2PSA)",
            "partial self-attention: 3 heads, one for every 64 channels, must divide 200",
        ),
    ],
)
def test_bad_strings(text: str, field: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        decode(text)
    assert (caught.value.file, caught.value.field) == (text, field)
    assert message in str(caught.value)


GOOD = (shipped("search_spaces") / "tiny.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("space: tiny", "space: tiny\ncolour: red", "colour: unknown key; known are space, version, template"),
        (
            "depth: [1]}",
            "depth: [1], width: [3]}",
            "stages.p2.width: unknown key; known are channels, depth, operators",
        ),
        ("version: 1\n", "", "version: missing; add it"),
        ("version: 1", "version: one", "version: input should be a valid integer"),
        ("template: yolov8n", "template: yolov8z", "template: unknown template 'yolov8z'; known are yolov5n, "),
        ("  faster:", "  fastest:", "operators.fastest: unknown operator; known are c2f, faster, tconv, het, "),
        ("n_div: [4]", "ratio: [4]", "operators.faster.ratio: unknown key; known are shell, n_div, expansion"),
        ("n_div: [4]", "n_div: [0]", "operators.faster.n_div: 0 cannot be; write whole numbers from 1 to 16"),
        ("n_div: [4]", "n_div: [4.5]", "operators.faster.n_div: 4.5 cannot be; write whole numbers from 1 to 16"),
        ("n_div: [4]", "n_div: []", "operators.faster.n_div: is empty"),
        ("n_div: [4], ", "", "operators.faster.n_div: missing"),
        ("[plain, csp]", "[plain, cps]", "operators.faster.shell: unknown shell 'cps'; known are plain, csp"),
        ("[16, 32]", "[20, 32]", "stages.p2.channels: 20 is not a positive multiple of 8; write 16"),
        ("[16, 32]", "[16, 16, 32]", "stages.p2.channels: names a value twice"),
        ("[16, 32]", "[16]", "stages.p2.channels: lacks 32, the stock model's own"),
        ("p3: {channels: [32, 64], depth: [1, 2]}", "p3: {channels: [32, 64], depth: [1]}", "stages.p3.depth: lacks 2"),
        ("depth: [1]}", "depth: [0, 1]}", "stages.p2.depth: 0 is not a depth; write 1 to 9"),
        ("depth: [1]}", "depth: [1], operators: [het]}", "stages.p2.operators: 'het' is not under operators"),
        ("depth: [1]}", "depth: [1], operators: [faster]}", "stages.p2.operators: lacks c2f"),
        ("c2f: {expansion: [0.5]}", "c2f: {expansion: [0.25]}", "operators.c2f.expansion: lacks 0.5"),
        ("  c2f: {expansion: [0.5]}\n", "", "stages.p2.operators: lacks c2f"),
        ("  p5:", "  p6:", "stages: must be p2, p3, p4, p5"),
        ("space: tiny", "space: [", "not a YAML file"),
    ],
)
def test_bad_files(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_space(file)
    assert f"{file}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


OTHERS = {
    "yolo11n": [  # its stages widen
        ("c3k2: {", "c2f: {", "operators.c2f: unknown operator; known are c3k2, faster, "),
        ("c3k: [0, 1]", "c3k: [1]", "operators.c3k2.c3k: lacks 0, the stock model's own"),
        ("in_div: [1, 2]", "in_div: [1]", "operators.c3k2.in_div: lacks 2, the stock model's own"),
        ("in_div: [1, 2]", "in_div: [2]", "operators.c3k2.in_div: lacks 1, the stock model's own"),
        ("[16, 32, 48, 64, 80]", "[16, 64, 80]", "stages.p2.channels: lacks 32, the stock model's own"),
        ("[16, 32, 48, 64, 80]", "[16, 32, 80]", "stages.p2.channels: lacks 64, the stock model's own"),
        (
            "320, 384]",
            "320, 400]",
            "stages.p5.channels: 400 cannot be: row 10 (C2PSA): partial self-attention: 3 heads",
        ),
    ],
    "yolov8n-neck": [
        (
            "t3: {channels: [24, 32, 64], depth: [1, 2]}",
            "t3: {channels: [32], depth: [1]}",
            "stages.t3.channels: lacks 64",
        ),
        (
            "t4: {channels: [48, 64, 128], depth: [1]}",
            "t4: {channels: [128], depth: [1], operators: [c2f, faster]}",
            "stages.t4.operators: 'faster' cannot be here: this stage merges two feature maps into fewer",
        ),
        (
            "  t4: ",
            "  n4: ",
            "stages: must be p2, p3, p4, p5, in this order, and after them any of the neck's t4, t3, b4",
        ),
    ],
}


@pytest.mark.parametrize(
    ("name", "old", "new", "message"), [(name, *case) for name, cases in OTHERS.items() for case in cases]
)
def test_bad_files_of_other_spaces(name: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    good = (shipped("search_spaces") / f"{name}.yaml").read_text()
    assert old in good
    file = tmp_path / "mine.yaml"
    file.write_text(good.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_space(file)
    assert str(caught.value).startswith(f"{file}: {message}")
    assert "\n" not in str(caught.value)


def test_the_neck_keeps_to_its_widths() -> None:
    """A stage of its own is as wide as asked, the convolution before it in proportion; an operator of ours gives what
    its Concat brings, and the convolution before that makes up for it."""
    space = load_space("yolov8n-neck")
    stock = space.stock()
    assert [stock.stages[name].channels for name in NECK] == [128, 64, 128, 256]
    faster = {"n_div": 4, "expansion": 2}
    own = stock.replace({"b4": choose("c2f", "csp", 96, 1, {"expansion": 0.5}, True)}).detector(3)
    assert [own.rows[n].args[0] for n in (12, 15, 16, 18, 19, 21)] == [128, 64, 48, 96, 128, 256]
    ours = stock.replace({"b4": choose("faster", "csp", 192, 1, faster, True)})
    rows = list(ours.detector(3).resolve(320))
    assert [row.call.output[0] for row in rows[16:19]] == [64, 192, 192]
    narrow = stock.replace({"b4": choose("faster", "csp", 64, 1, faster, True)})
    assert narrow.stages["b4"].channels == 128 + 8  # what the lateral map brings, and the least there can be beside it
    assert decode(str(narrow)) == narrow
    assert str(stock) == str(load_space("yolov8n").stock())  # a neck that is the template's own is not spelled out


@pytest.mark.parametrize("name", [name for name in SPACES if not name.endswith("-all")])
def test_a_member_is_known_by_its_rows(name: str, tmp_path: Path) -> None:
    space, rng = load_space(name), np.random.default_rng(3)
    for number in range(4):
        member = space.random(rng)
        (tmp_path / f"{number}.yaml").write_text(to_yaml(member.detector(3)))
        assert space.member(from_yaml(tmp_path / f"{number}.yaml")) == member
    other = load_space("yolo11n" if space.file.template == "yolov8n" else "yolov8n").stock().detector(3)
    with pytest.raises(ModelError, match=r"rows|stage|row"):
        space.member(other)
    _, *rest = space.stock().detector(3).rows
    changed = Detector((Row((-1,), 1, "Conv", (24, 3, 2)), *rest), 3, 10)
    with pytest.raises(ModelError, match="is nothing that the template") as caught:
        space.member(changed)
    assert caught.value.field == "row 0 (Conv)"


def test_unknown_names() -> None:
    with pytest.raises(ConfigError, match=r"no such space; give one of gelan-s, gelan-t, tiny, yolo11n, ") as caught:
        load_space("yolo")
    assert (caught.value.field, caught.value.value) == ("space", "yolo")
    with pytest.raises(ConfigError, match=r"nowhere.yaml: no such file"):
        load_space("nowhere.yaml")


def test_even_kernels_are_refused(tmp_path: Path) -> None:
    text = (shipped("search_spaces") / "yolov8n-all.yaml").read_text()
    file = tmp_path / "mine.yaml"
    for good, bad, message in (
        ("kernel: [3, 5]", "kernel: [3, 4]", "operators.dwsep.kernel: 4 cannot be; write odd numbers from 3 to 15"),
        ("start: [0, 3]", "start: [0, 2]", "operators.uib.start: 2 cannot be; write odd numbers from 0 to 15"),
    ):
        assert good in text
        file.write_text(text.replace(good, bad))
        with pytest.raises(ConfigError) as error:
            load_space(file)
        assert str(error.value) == f"{file}: {message}"


def test_random_members_of_a_trained_space_are_near_the_stock_model() -> None:
    space = load_space("yolov8n-pretrained", [64, 96]).clipped()
    rng = np.random.default_rng(0)
    own = space.parameters(space.stock())

    def changed(member: Architecture) -> int:
        found = space.parameters(member)
        return len({name.partition(".")[0] for name in found if own.get(name) != found[name]})

    assert space.near_stock(rng, 0.0) == space.stock()
    counts = [changed(space.random(rng)) for _ in range(100)]
    assert min(counts) <= 1 and max(counts) >= 7
    assert sum(count <= 3 for count in counts) > 40
    assert {space.near_stock(rng, 1.0).imgsz for _ in range(20)} == {64, 96}
