"""Rows to YAML and back, and what a person reads when a YAML is off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.errors import ModelError
from nas.spaces.space import load_space


@pytest.mark.parametrize("name", TEMPLATES)
def test_round_trip(name: str, tmp_path: Path) -> None:
    space, rng = load_space(name), np.random.default_rng(0)
    for index in range(20):
        detector = (space.random(rng) if index else space.stock()).detector(3)
        file = tmp_path / f"{index}.yaml"
        file.write_text(to_yaml(detector, "first line\nsecond line"))
        assert from_yaml(file) == detector


@pytest.mark.parametrize("name", TEMPLATES)
def test_row_numbers_are_the_templates(name: str) -> None:
    space, rng = load_space(name), np.random.default_rng(0)
    stock = TEMPLATES[name].stock(3)
    for _ in range(50):
        detector = space.random(rng).detector(3)
        assert [row.source for row in detector.rows] == [row.source for row in stock.rows]
        assert detector.rows[stock.backbone :] == stock.rows[stock.backbone :]
        assert detector.backbone == stock.backbone


GOOD = to_yaml(TEMPLATES["yolov8n"].stock(3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("nc: 3", "nc: zero"), "nc: must be the number of classes"),
        (GOOD.replace("SPPF", "SPPX"), "row 9 (SPPX): unknown module SPPX; known are"),
        (GOOD.replace("[[-1, 6], 1, Concat", "[[-1, 7], 1, Concat"), "row 11 (Concat): Concat needs maps of one size"),
        (GOOD.replace("[-1, 1, SPPF, [256, 5]]", "[-1, SPPF]"), "row 9: expected [from, repeats, module, args]"),
        (GOOD + "scales: {n: [1, 1]}\n", "scales.n: must be [depth, width, max_channels], not [1, 1]"),
        ("- 1\n", "not a model YAML"),
        ("a: [", "not a YAML file"),
    ],
)
def test_bad_files(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(text)
    with pytest.raises(ModelError) as caught:
        from_yaml(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none.yaml: no such file"):
        from_yaml(tmp_path / "none.yaml")
