"""Detections on the images that they were found in."""

from __future__ import annotations

import torch

from nas.data.dataset import Split
from nas.reports.detections import COLOURS, GAP, SIDE, pictures


def test_boxes_lie_where_they_were_found() -> None:
    grey = torch.full((3, 3, 60, 60), 90, dtype=torch.uint8)
    truth = torch.tensor([[0.0, 30.0, 30.0, 50.0, 50.0]])
    split = Split(grey, (truth, torch.zeros(0, 5), torch.zeros(0, 5)))
    box = {"x1": 10.0, "y1": 20.0, "x2": 25.0, "y2": 40.0}
    seen = [{"image": 2, **box, "score": 0.9, "class": 1.0}, {"image": 0, **box, "score": 0.2, "class": 1.0}]
    sheet = pictures(split, [0, 2], seen, ["a", "b"])
    assert sheet.size == (2 * SIDE + GAP, SIDE)
    scale, colour = SIDE // 60, tuple(bytes.fromhex(COLOURS[1][1:]))
    for x, y in ((10, 30), (25, 30), (20, 40)):  # on three of its sides
        assert sheet.getpixel((SIDE + GAP + scale * x - (x == 25), scale * y - (y == 40))) == colour
        assert sheet.getpixel((scale * x, scale * y)) == (90, 90, 90)  # not sure enough in the first image
    assert sheet.getpixel((scale * 30, scale * 40)) == (255, 255, 255)  # the truth
