"""Drawings of detectors."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.operators.registry import FAMILIES
from nas.reports.network_drawing import HEIGHT, WIDTH, draw_network
from nas.spaces.architecture import choose
from nas.spaces.space import load_space

SVG = "{http://www.w3.org/2000/svg}"


def parts(detector: Detector) -> tuple[list[ElementTree.Element], list[list[str]], int, ElementTree.Element]:
    """The boxes, the texts in each, the number of arrows, and the root."""
    root = ElementTree.fromstring(draw_network(detector, 320))
    boxes = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx")]
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    links = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    return boxes, [texts[start : start + 3] for start in range(0, len(texts), 3)], len(links), root


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_row_once_and_every_link(name: str) -> None:
    detector = TEMPLATES[name].stock(80)
    boxes, texts, links, root = parts(detector)
    assert [text[0] for text in texts] == [str(number) for number in range(len(detector.rows))]
    for row, resolved, (_, title, details) in zip(detector.rows, detector.resolve(320), texts, strict=True):
        assert title.startswith(row.module.removeprefix("nn."))
        shape = " \N{MULTIPLICATION SIGN} ".join(map(str, resolved.call.output))
        assert details.startswith(shape) or details == "80 classes"
    assert links == sum(len(row.source) for row in detector.rows[1:])
    places = [(float(box.get("x", 0)), float(box.get("y", 0))) for box in boxes]
    for index, (x, y) in enumerate(places):
        assert 0 <= x <= float(root.get("width", 0)) - WIDTH and 0 <= y <= float(root.get("height", 0)) - HEIGHT
        for other_x, other_y in places[:index]:
            assert abs(x - other_x) >= WIDTH or abs(y - other_y) >= HEIGHT


def test_a_family_has_one_color_in_both_shells() -> None:
    stock = load_space("yolov8n").stock()
    fills = {}
    for key in ("faster", "het"):
        for shell in FAMILIES[key].shells:
            least = {name: parameter.low for name, parameter in FAMILIES[key].parameters.items()}
            detector = stock.replace({"p3": choose(key, shell, 64, 2, least)}).detector(3)
            boxes, texts, *_ = parts(detector)
            assert texts[4][1].endswith("\N{MULTIPLICATION SIGN}2")
            fills[key, shell] = boxes[4].get("fill")
    assert fills["faster", "plain"] == fills["faster", "csp"] != fills["het", "plain"] == fills["het", "csp"]
