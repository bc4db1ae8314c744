"""Templates: the stock detectors, row by row."""

from __future__ import annotations

import pytest

from nas.detectors.costs import cost
from nas.detectors.heads import anchor_free
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from tests.operators.stock_models import STOCK

# 80 classes: parameters, MACs of convolutions, of attention.
GOLDEN = {
    "yolov5n": (2_654_816, 3_861_913_600, 0),
    "yolov5s": (9_153_152, None, 0),
    "yolov8n": (3_157_200, 4_371_456_000, 0),
    "yolov8s": (11_166_560, 14_300_774_400, 0),
    "yolo11n": (2_624_080, 3_239_993_600, 30_720_000),
    "yolo11s": (9_458_752, 10_732_902_400, 61_440_000),
    "yolo26n": (2_572_280, 2_979_187_200, 61_440_000),
    "yolo26s": (10_009_784, None, 0),
    "gelan-t": (2_128_720, 4_154_982_400, 0),
    "gelan-s": (7_318_368, 13_611_827_200, 0),
}
DFL = 537_600


@pytest.mark.parametrize("name", TEMPLATES)
def test_stock_is_the_published_detector(name: str) -> None:
    detector = TEMPLATES[name].stock(80)
    assert detector == STOCK.get(f"{name.replace('gelan-', 'yolov9')}, Ultralytics", STOCK.get(name))
    params, convolutions, attention = GOLDEN[name]
    found = cost(detector)
    assert found.params == params == sum(p.numel() for p in Network(detector).parameters())
    assert convolutions is None or found.macs == convolutions + attention + (0 if "26" in name else DFL)


# of other numbers of classes
@pytest.mark.parametrize(("nc", "params"), [(1, 2_590_035), (3, 2_590_425), (20, 2_593_740)])
def test_yolo11n_with_other_classes(nc: int, params: int) -> None:
    assert cost(TEMPLATES["yolo11n"].stock(nc)).params == params


def test_versions_are_those_of_the_strings_that_are_out() -> None:
    assert {template.version for template in TEMPLATES.values()} == {1}


@pytest.mark.parametrize("name", STOCK)
def test_the_head_that_proxies_train(name: str) -> None:
    """Behind the rows of YOLO11 and the like the light one, otherwise the legacy one."""
    *rows, head = anchor_free(STOCK[name]).rows
    assert rows == list(STOCK[name].rows[:-1])
    light = any(row.module in {"C3k2", "A2C2f", "C2fCIB"} for row in rows)
    assert (head.module, head.args) == ("Detect", (80, False) if light else (80,))
    assert head.source == STOCK[name].rows[-1].source
