"""A space file made from a model: the model is a member of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas.detectors.heads import in_dialect
from nas.detectors.templates import TEMPLATES
from nas.errors import ModelError
from nas.operators.registry import FAMILIES
from nas.spaces.architecture import choose, decode
from nas.spaces.new_space import new_space
from nas.spaces.space import load_space
from tests.operators.stock_models import STOCK


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_member_of_a_shipped_space_adds_nothing(name: str, tmp_path: Path) -> None:
    space, rng = load_space(name), np.random.default_rng(0)
    for member in (space.stock(), *(space.random(rng) for _ in range(5))):
        file = tmp_path / f"{name}.yaml"
        file.write_text(new_space(member.detector(3), name))
        assert load_space(file).file == space.file


@pytest.mark.parametrize(
    "key", [key for key in TEMPLATES["yolov8n"].families("p2") if key not in load_space("yolov8n").file.operators]
)
def test_what_is_new_is_added(key: str, tmp_path: Path) -> None:
    """Also what the row leaves to its default."""
    family, stock = FAMILIES[key], load_space("yolov8n").stock()
    for shell in family.shells:
        parameters = {name: max(p.low, min(p.high, 3 if p.odd else 4)) for name, p in family.parameters.items()}
        member = stock.replace(
            {"p3": choose(key, shell, 72, 5, parameters), "p5": choose(key, shell, 264, 1, parameters)}
        )
        file = tmp_path / f"{shell}.yaml"
        file.write_text(new_space(member.detector(3), "mine"))
        space = load_space(file)
        assert space.name == "mine"
        assert space.member(member.detector(3)) == member
        space.parameters(member)
        assert 72 in space.file.stages["p3"].channels and 5 in space.file.stages["p3"].depth


def test_what_is_no_template_is_refused() -> None:
    member = load_space("yolov8n").stock().detector(3)
    rows = list(member.rows)
    rows[9] = replace(rows[9], args=(256, 3))
    with pytest.raises(ModelError, match="is nothing that the template yolov8n can have there") as caught:
        new_space(replace(member, rows=tuple(rows)), "mine")
    assert caught.value.field == "row 9 (SPPF)"
    with pytest.raises(ModelError, match=r"has 22 rows; yolov5n has 25, yolov5s has 25, yolov8n has 23"):
        new_space(STOCK["yolo12n"], "mine")


def test_the_head_does_not_matter() -> None:
    stock = decode(str(load_space("yolov5n").stock())).detector(3)
    assert new_space(in_dialect(stock, "yolov5"), "mine") == new_space(stock, "mine")
