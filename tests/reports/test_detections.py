"""Drawings of detections."""

from __future__ import annotations

import torch

from nas.data.dataset import Split
from nas.reports.detections import COLORS, GAP, SIDE, draw_detections


def test_boxes_are_at_their_coordinates() -> None:
    grey = torch.full((3, 3, 60, 60), 90, dtype=torch.uint8)
    truth = torch.tensor([[0.0, 30.0, 30.0, 50.0, 50.0]])
    split = Split(grey, (truth, torch.zeros(0, 5), torch.zeros(0, 5)))
    box = {"x1": 10.0, "y1": 20.0, "x2": 25.0, "y2": 40.0}
    seen = [{"image": 2, **box, "score": 0.9, "class": 1.0}, {"image": 0, **box, "score": 0.2, "class": 1.0}]
    sheet = draw_detections(split, [0, 2], seen, ["a", "b"])
    assert sheet.size == (2 * SIDE + GAP, SIDE)
    scale, color = SIDE // 60, tuple(bytes.fromhex(COLORS[1][1:]))
    for x, y in ((10, 30), (25, 30), (20, 40)):  # on three of its sides
        assert sheet.getpixel((SIDE + GAP + scale * x - (x == 25), scale * y - (y == 40))) == color
        assert sheet.getpixel((scale * x, scale * y)) == (90, 90, 90)  # its score is too low in the first image
    assert sheet.getpixel((scale * 30, scale * 40)) == (255, 255, 255)  # the truth
