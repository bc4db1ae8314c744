"""Templates: the stock detectors, row by row."""

from __future__ import annotations

import pytest

from nas.detectors import TEMPLATES, Network, cost
from tests.operators.stock_models import STOCK

# blocks.md 5.1, 80 classes: parameters, MACs of convolutions, of attention.
GOLDEN = {
    "yolov5n": (2_654_816, 3_861_913_600, 0),
    "yolov5s": (9_153_152, None, 0),
    "yolov8n": (3_157_200, 4_371_456_000, 0),
    "yolov8s": (11_166_560, 14_300_774_400, 0),
    "yolo11n": (2_624_080, 3_239_993_600, 30_720_000),
    "yolo11s": (9_458_752, 10_732_902_400, 61_440_000),
}
DFL = 537_600


@pytest.mark.parametrize("name", TEMPLATES)
def test_stock_is_the_published_detector(name: str) -> None:
    detector = TEMPLATES[name].stock(80)
    assert detector == STOCK.get(f"{name}, Ultralytics", STOCK.get(name))
    params, convolutions, attention = GOLDEN[name]
    found = cost(detector)
    assert found.params == params == sum(p.numel() for p in Network(detector).parameters())
    assert convolutions is None or found.macs == convolutions + attention + DFL


# blocks.md 3.1: of other numbers of classes
@pytest.mark.parametrize(("nc", "params"), [(1, 2_590_035), (3, 2_590_425), (20, 2_593_740)])
def test_yolo11n_with_other_classes(nc: int, params: int) -> None:
    assert cost(TEMPLATES["yolo11n"].stock(nc)).params == params


def test_versions_are_those_of_the_strings_that_are_out() -> None:
    assert {template.version for template in TEMPLATES.values()} == {1}
