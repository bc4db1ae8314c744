"""Rows of a detector whose class branches are wider than its own rows build them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nas.detectors.head_width import with_class_width
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.detectors.wide_head import hidden_channels, network_with_hidden


@pytest.mark.parametrize("template", ["yolov8n", "yolo11n"])
def test_the_rows_build_the_wider_network(template: str) -> None:
    stock = TEMPLATES[template].stock(1)
    network = network_with_hidden(stock, 80)  # as Ultralytics makes it, from weights for 80 classes
    own = Network(with_class_width(stock, hidden_channels(network.state_dict()))).eval()
    own.load_state_dict(network.state_dict())
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(own(image), network.eval()(image))


def test_other_rows_stay() -> None:
    stock = TEMPLATES["yolov8n"].stock(1)
    assert with_class_width(stock, 0) == with_class_width(stock, 64) == stock
    *rows, head = stock.rows
    other = replace(stock, rows=(*rows, replace(head, args=(1, True, 8))))
    assert with_class_width(other, 80) == other
