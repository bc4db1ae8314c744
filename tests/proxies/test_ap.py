from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from nas.proxies.ap import average_precision
from nas.proxies.nms import nms

TRUTHS = [torch.tensor([[0.0, 10, 10, 50, 50], [1, 30, 30, 60, 60]]), torch.tensor([[0.0, 0, 0, 40, 40]])]


def detections(shift: float = 0.0) -> list[Tensor]:
    found = []
    for rows in TRUTHS:
        boxes = rows[:, 1:] + torch.tensor([shift, 0, shift, 0])
        found.append(torch.cat((boxes, torch.full((len(rows), 1), 0.9), rows[:, :1]), 1))
    return found


def test_perfect_detections_score_one() -> None:
    assert average_precision(detections(), TRUTHS, 3) == pytest.approx(1.0)  # the third class has no truth: left out


def test_no_detections_score_zero() -> None:
    assert average_precision([torch.zeros(0, 6)] * 2, TRUTHS, 3) == 0.0


def test_shifted_detections_score_the_thresholds_that_they_reach() -> None:
    # 4 px of 40: IoU 36/44 = 0.818, seven thresholds of ten. 4 px of 30: IoU 26/34 = 0.765, six of ten.
    assert average_precision(detections(4.0), TRUTHS, 2) == pytest.approx((0.7 + 0.6) / 2, abs=1e-6)


def test_a_missed_object_halves_recall() -> None:
    found = [detections()[0], torch.zeros(0, 6)]
    # 51 of 101 recall points are reached by one object of two; the other class is perfect.
    assert average_precision(found, TRUTHS, 2) == pytest.approx((51 / 101 + 1) / 2, abs=1e-6)


def test_wrong_classes_score_zero() -> None:
    found = detections()
    for rows in found:
        rows[:, 5] = 2
    assert average_precision(found, TRUTHS, 3) == 0.0


def test_refuses_what_has_no_average_precision() -> None:
    with pytest.raises(ValueError, match="at least one"):
        average_precision([torch.zeros(0, 6)], [torch.zeros(0, 5)], 1)
    with pytest.raises(ValueError, match="2 images"):
        average_precision(detections(), TRUTHS[:1], 2)


def predictions(rows: Sequence[tuple[float, ...]]) -> Tensor:
    """(1, 6, A) from cx, cy, w, h and two class scores an anchor."""
    return torch.tensor(rows).T[None]


def test_nms_is_greedy_and_class_wise() -> None:
    rows = [
        (20.0, 20, 20, 20, 0.9, 0.0),
        (21.0, 20, 20, 20, 0.8, 0.0),  # beaten by the first
        (20.0, 20, 20, 20, 0.0, 0.7),  # same place, another class
        (50.0, 50, 10, 10, 0.6, 0.0),
        (50.0, 50, 10, 10, 0.0005, 0.0),  # below the threshold
    ]
    (found,) = nms(predictions(rows))
    assert found[:, 4].tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert found[:, 5].tolist() == [0, 1, 0]
    assert found[0, :4].tolist() == [10, 10, 30, 30]


def test_what_a_beaten_box_would_beat_stays() -> None:
    chain = [(20.0 + 3 * i, 20.0, 20.0, 20.0, 0.9 - 0.1 * i, 0.0) for i in range(5)]  # neighbours overlap by 0.74
    (found,) = nms(predictions(chain))
    assert found[:, 4].tolist() == pytest.approx([0.9, 0.7, 0.5])


def test_nms_matches_a_plain_loop() -> None:
    generator = torch.Generator().manual_seed(3)
    boxes = torch.rand(2, 4, 80, generator=generator) * torch.tensor([64.0, 64, 40, 40])[:, None] + 1
    output = torch.cat((boxes, torch.rand(2, 3, 80, generator=generator)), 1)
    for image, found in zip(output, nms(output, overlap=0.5, max_detections=1000), strict=True):
        assert torch.allclose(found, plain(image, 0.5))


def plain(image: Tensor, overlap: float) -> Tensor:
    boxes, scores = image[:4].T, image[4:]
    rows = [
        (b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2, scores[c, a], c)
        for c in range(len(scores))
        for a, b in enumerate(boxes)
    ]
    rows = sorted(rows, key=lambda row: -float(row[4]))[:300]
    kept: list[tuple[float, ...]] = []
    for row in ([float(v) for v in r] for r in rows):
        if all(k[5] != row[5] or _iou(k, row) <= overlap for k in kept):
            kept.append(tuple(row))
    return torch.tensor(kept)


def _iou(a: tuple[float, ...], b: list[float]) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def test_at_most_so_many_detections() -> None:
    rows = [(10.0 * i, 10.0, 4.0, 4.0, 0.5, 0.4) for i in range(80)]
    assert len(nms(predictions(rows))[0]) == 100
