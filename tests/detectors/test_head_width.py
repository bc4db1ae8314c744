"""Rows of a detector whose class branches are wider than its own rows build them."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
import torch

from nas.detectors.head_width import class_width, with_class_width
from nas.detectors.network import Network, with_trainers_norms
from nas.detectors.templates import TEMPLATES
from nas.operators.modules.detect import Detect


@pytest.mark.parametrize("template", ["yolov8n", "yolo11n"])
def test_the_rows_build_the_wider_network(template: str) -> None:
    stock = TEMPLATES[template].stock(1)
    network = Network(stock)
    head = cast(Detect, network.model[-1])
    head.cv3 = with_trainers_norms(head.class_branches(80))  # as Ultralytics makes it, from weights for 80 classes
    width = class_width(network.state_dict())
    assert width == 80
    own = Network(with_class_width(stock, width)).eval()
    own.load_state_dict(network.state_dict())
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(own(image), network.eval()(image))


def test_other_rows_stay() -> None:
    stock = TEMPLATES["yolov8n"].stock(1)
    assert with_class_width(stock, 0) == with_class_width(stock, 64) == stock
    *rows, head = stock.rows
    other = replace(stock, rows=(*rows, replace(head, args=(1, True, 8))))
    assert with_class_width(other, 80) == other
    assert class_width({}) == 0
