"""Model YAMLs as the trainers write them: unscaled rows, scaled as the trainers scale them.

Golden numbers: the stock models of the trainers, with nc = 80 at 640 pixels unless a test says otherwise.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from nas.detectors.costs import cost, row_cost
from nas.detectors.network import Network
from nas.detectors.rows import Detector, Row
from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.errors import ModelError
from nas.operators.registry import OPERATORS

V8 = """
nc: 80
scales:
  n: [0.33, 0.25, 1024]
  s: [0.33, 0.50, 1024]
  m: [0.67, 0.75, 768]
  l: [1.00, 1.00, 512]
  x: [1.00, 1.25, 512]
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C2f, [128, True]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 6, C2f, [256, True]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [-1, 6, C2f, [512, True]]
  - [-1, 1, Conv, [1024, 3, 2]]
  - [-1, 3, C2f, [1024, True]]
  - [-1, 1, SPPF, [1024, 5]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 3, C2f, [512]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 3, C2f, [256]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [[-1, 12], 1, Concat, [1]]
  - [-1, 3, C2f, [512]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [[-1, 9], 1, Concat, [1]]
  - [-1, 3, C2f, [1024]]
  - [[15, 18, 21], 1, Detect, [nc]]
"""

SCALES_11 = """
scales:
  n: [0.50, 0.25, 1024]
  s: [0.50, 0.50, 1024]
  m: [0.50, 1.00, 512]
  l: [1.00, 1.00, 512]
  x: [1.00, 1.50, 512]
"""

V11 = f"""
nc: 80
{SCALES_11}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 2, C3k2, [256, False, 0.25]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 2, C3k2, [512, False, 0.25]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [-1, 2, C3k2, [512, True]]
  - [-1, 1, Conv, [1024, 3, 2]]
  - [-1, 2, C3k2, [1024, True]]
  - [-1, 1, SPPF, [1024, 5]]
  - [-1, 2, C2PSA, [1024]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 2, C3k2, [512, False]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 2, C3k2, [256, False]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [[-1, 13], 1, Concat, [1]]
  - [-1, 2, C3k2, [512, False]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [[-1, 10], 1, Concat, [1]]
  - [-1, 2, C3k2, [1024, True]]
  - [[16, 19, 22], 1, Detect, [nc]]
"""

V26 = (
    V11.replace("nc: 80", "nc: 80\nend2end: True\nreg_max: 1")
    .replace("SPPF, [1024, 5]", "SPPF, [1024, 5, 3, True]")
    .replace("C3k2, [512, False]", "C3k2, [512, True]")
    .replace("C3k2, [256, False]", "C3k2, [256, True]")
    .replace("[[-1, 10], 1, Concat, [1]]\n  - [-1, 2, C3k2, [1024, True]]", "[[-1, 10], 1, Concat, [1]]\n  - LAST")
    .replace("LAST", "[-1, 1, C3k2, [1024, True, 0.5, True]]")
)

V12 = f"""
nc: 80
{SCALES_11}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 2, C3k2, [256, False, 0.25]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 2, C3k2, [512, False, 0.25]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [-1, 4, A2C2f, [512, True, 4]]
  - [-1, 1, Conv, [1024, 3, 2]]
  - [-1, 4, A2C2f, [1024, True, 1]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 2, A2C2f, [512, False, -1]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 2, A2C2f, [256, False, -1]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [[-1, 11], 1, Concat, [1]]
  - [-1, 2, A2C2f, [512, False, -1]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [[-1, 8], 1, Concat, [1]]
  - [-1, 2, C3k2, [1024, True]]
  - [[14, 17, 20], 1, Detect, [nc]]
"""

ANCHORS = "[[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]]"

V5 = f"""
nc: 80
depth_multiple: 0.33
width_multiple: 0.25
anchors: {ANCHORS}
backbone:
  - [-1, 1, Conv, [64, 6, 2, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C3, [128]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 6, C3, [256]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [-1, 9, C3, [512]]
  - [-1, 1, Conv, [1024, 3, 2]]
  - [-1, 3, C3, [1024]]
  - [-1, 1, SPPF, [1024, 5]]
head:
  - [-1, 1, Conv, [512, 1, 1]]
  - [-1, 1, nn.Upsample, [None, 2, 'nearest']]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 3, C3, [512, False]]
  - [-1, 1, Conv, [256, 1, 1]]
  - [-1, 1, nn.Upsample, [None, 2, 'nearest']]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 3, C3, [256, False]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [[-1, 14], 1, Concat, [1]]
  - [-1, 3, C3, [512, False]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [[-1, 10], 1, Concat, [1]]
  - [-1, 3, C3, [1024, False]]
  - [[17, 20, 23], 1, Detect, [nc, anchors]]
"""

GELAN_T = """
nc: 80
depth_multiple: 1.0
width_multiple: 1.0
anchors: 3
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, ELAN1, [32, 32, 16]]
  - [-1, 1, AConv, [64]]
  - [-1, 1, RepNCSPELAN4, [64, 64, 32, 3]]
  - [-1, 1, AConv, [96]]
  - [-1, 1, RepNCSPELAN4, [96, 96, 48, 3]]
  - [-1, 1, AConv, [128]]
  - [-1, 1, RepNCSPELAN4, [128, 128, 64, 3]]
head:
  - [-1, 1, SPPELAN, [128, 64]]
  - [-1, 1, nn.Upsample, [None, 2, 'nearest']]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [96, 96, 48, 3]]
  - [-1, 1, nn.Upsample, [None, 2, 'nearest']]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [64, 64, 32, 3]]
  - [-1, 1, AConv, [48]]
  - [[-1, 12], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [96, 96, 48, 3]]
  - [-1, 1, AConv, [64]]
  - [[-1, 9], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [128, 128, 64, 3]]
  - [[15, 18, 21], 1, DDetect, [nc]]
"""


def quiet(text: str) -> None:
    raise AssertionError(f"nothing had to be assumed, but was told: {text}")


def read(folder: Path, name: str, text: str, nc: int | None = None) -> Detector:
    """The detector of this text under this name; skips where one of its kinds is not there."""
    content = yaml.safe_load(text)
    lacking = {row[2] for row in [*content["backbone"], *content["head"]]} - set(OPERATORS)
    if lacking:
        pytest.skip(f"no operator yet: {', '.join(sorted(lacking))}")
    (folder / name).write_text(text)
    return from_yaml(folder / name, nc, quiet)


ANCHOR_FREE_V5 = V5.replace("[nc, anchors]", "[nc]").replace(f"anchors: {ANCHORS}\n", "")
V9T = GELAN_T.replace("DDetect", "Detect").replace("anchors: 3\n", "")


@pytest.mark.parametrize(
    ("name", "text", "params", "macs"),
    [
        # 5.1: params; convolutions + attention products + DFL
        ("yolov8n.yaml", V8, 3_157_200, 4_371_456_000 + 537_600),
        ("yolov8s.yaml", V8, 11_166_560, 14_300_774_400 + 537_600),
        ("yolov8m.yaml", V8, 25_902_640, None),
        ("yolo11n.yaml", V11, 2_624_080, 3_239_993_600 + 30_720_000 + 537_600),
        ("yolo11s.yaml", V11, 9_458_752, 10_732_902_400 + 61_440_000 + 537_600),
        ("yolo11m.yaml", V11, 20_114_688, None),
        ("yolo12n.yaml", V12, 2_602_288, 3_243_424_000 + 491_520_000 + 537_600),
        ("yolo12s.yaml", V12, 9_284_096, None),
        ("yolo12l.yaml", V12, 26_450_784, None),
        ("yolo26n.yaml", V26, 2_572_280, 2_979_187_200 + 61_440_000),
        ("yolo26s.yaml", V26, 10_009_784, None),
        ("yolov5n.yaml", V5, 1_872_157, 2_234_060_800),
        ("yolov5s.yaml", V5.replace("0.25", "0.50"), 7_235_389, 8_216_780_800),
        ("anchor-free-v5n.yaml", ANCHOR_FREE_V5, 2_654_816, 3_861_913_600 + 537_600),
        ("gelan-t.yaml", GELAN_T, 2_442_640, 4_949_401_600 + 537_600),
        ("yolov9t.yaml", V9T, 2_128_720, 4_154_982_400 + 537_600),
    ],
)
def test_totals(name: str, text: str, params: int, macs: int | None, tmp_path: Path) -> None:
    detector = read(tmp_path, name, text)
    found = cost(detector, 640)
    assert found.params == params
    assert macs is None or found.macs == macs
    if params < 4e6:
        assert sum(p.numel() for p in Network(detector).parameters()) == params
    # What is read can be written, and is the same when read again, without its scale.
    (tmp_path / "written.yaml").write_text(to_yaml(detector))
    assert from_yaml(tmp_path / "written.yaml", notify=quiet) == detector


@pytest.mark.parametrize(
    ("name", "text", "golden"),
    [
        # 5.3, 5.4, 5.6 and 5.7: params of every row
        (
            "yolo11n.yaml",
            V11,
            "464 4672 6640 36992 26080 147712 87040 295424 346112 164608 249728 0 0 111296 0 0 32096 36992 0 86720 "
            "147712 0 378880 464912",
        ),
        (
            "yolo12n.yaml",
            V12,
            "464 4672 6640 36992 26080 147712 180864 295424 689408 0 0 86912 0 0 24000 36992 0 74624 147712 0 378880 "
            "464912",
        ),
        (
            "yolov5n.yaml",
            V5,
            "1760 4672 4800 18560 29184 73984 156928 295424 296448 164608 33024 0 0 90880 8320 0 0 22912 36992 0 "
            "74496 147712 0 296448 115005",
        ),
        (
            "gelan-t.yaml",
            GELAN_T,
            "464 4672 7872 18560 65216 55488 145824 110848 258432 41344 0 0 158112 0 0 71360 27744 0 150432 55424 0 "
            "266624 1004224",
        ),
    ],
)
def test_rows(name: str, text: str, golden: str, tmp_path: Path) -> None:
    detector = read(tmp_path, name, text)
    assert [row_cost(row).params for row in detector.resolve()] == list(map(int, golden.split()))


def test_stock_yaml_is_the_template(tmp_path: Path) -> None:
    assert read(tmp_path, "yolov8n.yaml", V8, nc=3) == TEMPLATES["yolov8n"].stock(3)


@pytest.mark.parametrize(("nc", "params"), [(1, 3_011_043), (3, 3_011_433), (20, 3_014_748)])
def test_other_classes(nc: int, params: int, tmp_path: Path) -> None:
    detector = read(tmp_path, "yolov8n.yaml", V8, nc)
    assert (detector.nc, cost(detector).params) == (nc, params)


@pytest.mark.parametrize(
    ("name", "stem"), [("my-yolov8s-2", 32), ("yolov8s", 32), ("yolo8n-x", 16), ("yoloe-v8m", 48), ("yoloe-8x", 80)]
)
def test_the_letter_in_the_name(name: str, stem: int, tmp_path: Path) -> None:
    assert read(tmp_path, f"{name}.yaml", V8).rows[0].args[0] == stem


@pytest.mark.parametrize("name", ["v8s", "yolov8", "yolo-8s", "yolov8-s"])
def test_names_without_a_letter(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.yaml").write_text(V8)
    told: list[str] = []
    assert from_yaml(tmp_path / f"{name}.yaml", notify=told.append).rows[0].args[0] == 16
    assert len(told) == 1


def test_a_name_without_letter_takes_the_first_scale_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(V8)
    with pytest.warns(UserWarning, match=r"mine.yaml: no scale in the file's name: n, the first of scales, is taken"):
        assert cost(from_yaml(tmp_path / "mine.yaml")).params == 3_157_200
    (tmp_path / "mine.yaml").write_text(V8 + "scale: s\n")
    with pytest.warns(UserWarning, match=r"scale s is taken from the key scale, which Ultralytics ignores"):
        assert cost(from_yaml(tmp_path / "mine.yaml")).params == 11_166_560
    (tmp_path / "yolov8n.yaml").write_text(V8 + "scale: s\n")
    assert cost(from_yaml(tmp_path / "yolov8n.yaml", notify=quiet)).params == 3_157_200


def test_a_scale_without_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "yolov8.yaml").write_text(V8)
    assert cost(from_yaml(tmp_path / "yolov8s.yaml", notify=quiet)).params == 11_166_560
    with pytest.raises(ModelError, match=r"yolov9s.yaml: no such file"):
        from_yaml(tmp_path / "yolov9s.yaml")


SMALL = """
nc: 3
{keys}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 3, C2f, [c2, True]]
  - [-1, 1, Conv, [{channels}, 3, 2]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, {repeats}, FasterBlock, [c2, 4]]
  - [-1, 1, Conv, [512, 3, 2]]
  - [-2, 1, Conv, [64, '3', 'None' , None]]
  - [-2, 1, Conv, [2048, 3, 2]]
head:
  - [[4, 5, 7], 1, Detect, ['nc']]
"""


def small(folder: Path, keys: str = "", channels: int = 128, repeats: int = 1, name: str = "small.yaml") -> Detector:
    (folder / name).write_text(
        SMALL.format(keys=keys, channels=channels, repeats=repeats).replace("'None' , None", "'1'")
    )
    return from_yaml(folder / name, notify=quiet)


def channels_of(detector: Detector) -> list[int]:
    return [row.call.output[0] for row in detector.resolve()][:-1]


def test_words_and_rows_before(tmp_path: Path) -> None:
    detector = small(tmp_path)
    # c2 is the row before's channels; -2 counts from the row; '3' is a number.
    assert detector.rows[1] == Row((-1,), 3, "C2f", (64, True))
    assert detector.rows[4].args == (256, 4)
    assert detector.rows[6] == Row((4,), 1, "Conv", (64, 3, 1))
    assert detector.rows[7].source == (5,)
    assert detector.rows[8].args == (3,)


@pytest.mark.parametrize(("n", "depth", "repeats"), [(3, 0.5, 2), (5, 0.5, 2), (1, 0.1, 1), (2, 0.2, 1), (6, 0.67, 4)])
def test_repeats_are_rounded_half_to_even(n: int, depth: float, repeats: int, tmp_path: Path) -> None:
    detector = small(tmp_path, f"depth_multiple: {depth}", repeats=n)
    assert detector.rows[4].repeats == repeats
    assert small(tmp_path, f"gd: {depth}", repeats=n) == detector


def test_channels_are_rounded_up_to_eight(tmp_path: Path) -> None:
    assert channels_of(small(tmp_path, channels=20))[2] == 24
    # Ours and unknown kinds are not scaled: the word c2 is how they follow.
    scaled = channels_of(small(tmp_path, "width_multiple: 0.3", channels=20))
    assert scaled == [24, 8, 8, 80, 80, 160, 24, 616]
    assert channels_of(small(tmp_path, "gw: 0.3", channels=20)) == scaled
    assert channels_of(small(tmp_path, "width_multiple: 0.3\nchannel_multiple: 4", channels=20))[0] == 20
    limited = small(tmp_path, "scales: {n: [1, 0.5, 256]}", name="yolo1n.yaml")
    assert channels_of(limited) == [32, 16, 64, 128, 128, 128, 32, 128]


def test_yolov5_does_not_scale_a_row_as_wide_as_its_head(tmp_path: Path) -> None:
    # na (nc + 5) = 24 at nc = 3
    assert channels_of(small(tmp_path, "width_multiple: 0.5\nanchors: 3", channels=24))[2] == 24
    assert channels_of(small(tmp_path, "width_multiple: 0.5", channels=24))[2] == 16


def test_c3k2_of_larger_scales(tmp_path: Path) -> None:
    for letter, deep in (("n", False), ("s", False), ("m", True), ("l", True)):
        rows = read(tmp_path, f"yolo11{letter}.yaml", V11).rows
        assert [row.args[1] for row in rows if row.module == "C3k2"][:2] == [deep, deep]
        assert rows[2].args[2] == 0.25


def test_a2c2f_of_larger_scales(tmp_path: Path) -> None:
    assert read(tmp_path, "yolo12m.yaml", V12).rows[6].args == (512, True, 4)
    assert read(tmp_path, "yolo12l.yaml", V12).rows[6].args == (512, True, 4, True, 1.2)
    assert read(tmp_path, "yolo12l.yaml", V12).rows[11].args == (512, False, -1, True, 1.2)


def test_the_heads_named_detect(tmp_path: Path) -> None:
    assert read(tmp_path, "yolov8n.yaml", V8).rows[-1].args == (80,)
    assert read(tmp_path, "yolo11n.yaml", V11).rows[-1].args == (80, False)
    head = read(tmp_path, "yolov5n.yaml", V5).rows[-1]
    assert (head.module, head.args[1][2]) == ("AnchorDetect", (116, 90, 156, 198, 373, 326))
    # One C3k2 anywhere swaps the class branch; without any, YOLO11's neck gets the old one.
    mixed = V8.replace("[-1, 3, C2f, [1024]]", "[-1, 3, C3k2, [1024]]")
    assert read(tmp_path, "yolov8n.yaml", mixed).rows[-1].args == (80, False)
    plain = V11.replace("C3k2, [", "C2f, [").replace(", 0.25]", "]")
    rows = list(read(tmp_path, "yolo11n.yaml", plain).resolve())
    assert row_cost(rows[-1]).params == 897_664


@pytest.mark.parametrize(("form", "delta"), [("CSPHet", -632_256), ("CSPPC", -888_096), ("C2f_Dual", -303_008)])
def test_pasted_stages_are_scaled_like_the_stock_ones(form: str, delta: int, tmp_path: Path) -> None:
    # every C2f of yolov8n replaced, same number of classes
    assert cost(read(tmp_path, "yolov8n.yaml", V8.replace("C2f", form))).params == 3_157_200 + delta


def test_sppf_of_both_generations(tmp_path: Path) -> None:
    old, new = (read(tmp_path, name, text) for name, text in (("yolo11n.yaml", V11), ("yolo26n.yaml", V26)))
    for detector, activation in ((old, torch.nn.SiLU), (new, torch.nn.Identity)):
        assert isinstance(Network(detector).model[9].cv1.act, activation)


def test_no_yaml_says_it() -> None:
    stock = TEMPLATES["yolov8n"].stock(3)
    light = replace(stock, rows=(*stock.rows[:-1], Row((15, 18, 21), 1, "Detect", (3, False))))
    with pytest.raises(ModelError, match=r"row 22 \(Detect\): \[3, False\] cannot be written; .* builds Detect \[3\]"):
        to_yaml(light)
    deep = replace(stock, rows=(*stock.rows[:21], Row((-1,), 1, "C3k2", (256,)), stock.rows[-1]))
    with pytest.raises(ModelError, match=r"row 22 \(Detect\): \[3\] cannot be written; .* builds Detect \[3, False\]"):
        to_yaml(deep)
    odd = replace(stock, rows=(Row((-1,), 1, "Conv", (20, 3, 2)), *stock.rows[1:]))
    with pytest.raises(ModelError, match=r"row 0 \(Conv\): \[20, 3, 2\] cannot be written"):
        to_yaml(odd)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("nc: 80", "", "nc: must be the number of classes, not None"),
        ("nc: 80", "nc: true", "nc: must be the number of classes, not True"),
        (
            "n: [0.33, 0.25, 1024]",
            "n: [0.33, 0.25]",
            "scales.n: must be [depth, width, max_channels], not [0.33, 0.25]",
        ),
        ("n: [0.33, 0.25, 1024]", "n: [0.33, -1, 1024]", "scales.n: must be a number above 0, not -1"),
        ("n: [0.33, 0.25, 1024]", "k: [0.33, 0.25, 1024]", "scales: has no 'n', only k, s, m, l, x; add it, or rename"),
        ("SPPF, [1024, 5]", "SPPX, [1024, 5]", "row 9 (SPPX): unknown module SPPX; known are Conv"),
        ("[-1, 1, SPPF, [1024, 5]]", "[-1, SPPF]", "row 9: expected [from, repeats, module, args], got [-1, 'SPPF']"),
        ("[-1, 1, SPPF", "[-1, 0, SPPF", "row 9 (SPPF): repeats must be 1 or more, not 0"),
        ("[-1, 1, SPPF", "[9, 1, SPPF", "row 9 (SPPF): from 9 is no row before this one"),
        ("[-1, 1, SPPF", "[-11, 1, SPPF", "row 9 (SPPF): from -11 is no row before this one"),
        (
            "[-1, 1, SPPF",
            "[[-1, 4], 1, SPPF",
            "row 9 (SPPF): reads one row: from must be a number, not [-1, 4]; join rows with Concat",
        ),
        ("[[-1, 6], 1, Concat", "[[a, 6], 1, Concat", "row 11 (Concat): from must hold row numbers, not 'a'"),
        ("SPPF, [1024, 5]", "SPPF, []", "row 9 (SPPF): the first argument must be the output channels, not []"),
        ("SPPF, [1024, 5]", "SPPF, [wide]", "row 9 (SPPF): the first argument must be the output channels"),
        ("SPPF, [1024, 5]", "SPPF, [1024, five]", "row 9 (SPPF): takes numbers, not the word 'five'"),
        ("SPPF, [1024, 5]", "SPPF, [1024, 5, 3, True, 7]", "row 9 (SPPF): "),
        ("Conv, [64, 3, 2]", "Conv, [64, 3, 0]", "row 0 (Conv): "),
        ("Conv, [64, 3, 2]", "Conv, [64, 3, 2, {a: 1}]", "row 0 (Conv): an argument must be a number, a word"),
        ("Conv, [64, 3, 2]", "Conv, [64, 3, 2, '{1}']", "row 0 (Conv): an argument must be a number, a word"),
        ("Conv, [64, 3, 2]", "Conv, [64, 3, '[2]']", "row 0 (Conv): "),
        ("SPPF, [1024, 5]", "FasterBlock, [1024]", "row 9 (FasterBlock): FasterBlock keeps its channels: its first"),
        (
            "SPPF, [1024, 5]",
            "FasterBlock, [c2, 999]",
            "row 9 (FasterBlock): a convolution has no 3 kernel of stride 1 from 0 to 0 channels",
        ),
        ("Detect, [nc]", "Detect, [nc, anchors]", "row 22 (Detect): anchors: must be their number, or list"),
        ("Detect, [nc]", "Detect, [nc, 16]", "row 22 (Detect): takes [nc], or Detect in YOLOv5 [nc, anchors], not"),
        ("Detect, [nc]", "Detect, [3]", "row 22 (Detect): 3 classes, but nc is 80; write nc for them"),
        ("Detect, [nc]", "Detect, []", "row 22 (Detect): None classes, but nc is 80"),
        (
            "[[15, 18, 21], 1, Detect",
            "[21, 1, Detect",
            "row 22 (Detect): from must be a list of rows, such as [-1, 6], not",
        ),
        ("[-1, 3, C2f, [1024]]", "[-1, 3, Segment, [nc]]", "row 21 (Segment): is the head of another task, masks"),
        ("[[15, 18, 21], 1, Detect, [nc]]", "[-1, 1, nn.Identity, []]", "row 22 (nn.Identity): the last row must be a"),
        (
            "nc: 80",
            "nc: 80\nactivation: nn.PReLU()",
            "activation: 'nn.PReLU()' is not built here; give one of nn.SiLU()",
        ),
        ("nc: 80", "nc: 80\nch: 1", "ch: images have 3 channels here, not 1; drop the key"),
        ("nc: 80", "nc: 80\nreg_max: 0", "reg_max: must be a number of bins, not 0"),
        ("head:", "neck:", "backbone, head: each must be a list of rows"),
    ],
)
def test_bad_rows_and_fields(old: str, new: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "yolov8n.yaml"
    assert old in V8
    file.write_text(V8.replace(old, new))
    with pytest.raises(ModelError) as caught:
        from_yaml(file, notify=quiet)
    assert str(caught.value).startswith(f"{file}: {message}")
    assert "\n" not in str(caught.value)


def test_reading_leaves_the_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    read(tmp_path, "yolov8n.yaml", V8)
    assert torch.rand(1) == expected


@pytest.mark.skipif(importlib.util.find_spec("ultralytics") is None, reason="the ultralytics extra is not installed")
def test_scaled_as_ultralytics_scales(tmp_path: Path) -> None:
    """Parameters of files whose names, keys and words are odd, as Ultralytics builds them in a process of its own."""
    texts = {
        "mine.yaml": V8,
        "my-yolov8s-2.yaml": V8,
        "yolov8n.yaml": V8 + "scale: s\n",
        "yolo11m-unscaled.yaml": V11.replace(SCALES_11, ""),
        "unscaled.yaml": V11.replace(SCALES_11, "width_multiple: 0.3\ndepth_multiple: 0.5\n"),
        "yolo12l.yaml": V12,
        "yolo26m.yaml": V26,
        "yolo8n-words.yaml": V8.replace("C2f, [128, True]", "C2f, [c2, 'True']").replace("[[-1, 6]", "[[-1, -5]"),
        "odd.yaml": ANCHOR_FREE_V5.replace("0.25", "0.3").replace("Conv, [128", "Conv, [100"),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    program = (
        "import json, os, sys\n"
        "os.environ['YOLO_AUTOINSTALL'] = 'false'\n"
        "from ultralytics.nn.tasks import DetectionModel\n"
        "counts = [sum(p.numel() for p in DetectionModel(f, nc=7, verbose=False).parameters()) for f in sys.argv[1:]]\n"
        "print(json.dumps(counts))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *texts], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    theirs = dict(zip(texts, json.loads(result.stdout.splitlines()[-1]), strict=True))
    assert {name: cost(from_yaml(tmp_path / name, 7, lambda _: None)).params for name in texts} == theirs
