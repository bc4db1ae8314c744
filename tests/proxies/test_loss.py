"""Golden numbers of the overlaps and losses, and their values in limiting cases."""

from __future__ import annotations

import math

import pytest
import torch

from nas.operators.modules.detect import grid
from nas.proxies.iou import iou
from nas.proxies.loss import DetectionLoss, dfl, distances

A, B = torch.tensor([0.0, 0, 10, 10]), torch.tensor([2.0, 2, 12, 10])


@pytest.mark.parametrize(
    ("kind", "value"), [("iou", 0.551724), ("giou", 0.518391), ("diou", 0.531232), ("ciou", 0.531178)]
)
def test_overlap_is_golden_and_symmetric(kind: str, value: float) -> None:
    assert iou(A, B, kind).item() == pytest.approx(value, abs=2e-6)
    assert iou(B, A, kind).item() == pytest.approx(value, abs=2e-6)


def test_overlap_refuses_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="siou"):
        iou(A, B, "siou")


def test_ciou_of_a_flat_box_has_a_finite_gradient() -> None:
    flat = torch.tensor([3.0, 3, 3, 3], requires_grad=True)
    iou(flat, B, "ciou").backward()
    assert flat.grad is not None and torch.isfinite(flat.grad).all()


@pytest.mark.parametrize("y", [0.0, 0.3, 7.5, 14.99])
def test_dfl_of_equal_logits_is_ln_16(y: float) -> None:
    assert dfl(torch.zeros(1, 4, 16), torch.full((1, 4), y)).item() == pytest.approx(math.log(16), abs=1e-4)


def test_dfl_is_golden() -> None:
    logits = torch.zeros(1, 4, 16)
    logits[..., 5], logits[..., 6] = 2, 3
    assert dfl(logits, torch.full((1, 4), 5.6)).item() == pytest.approx(1.1251, abs=1e-4)
    assert distances(logits).tolist() == [pytest.approx([6.4246] * 4, abs=1e-4)]


def test_dfl_clips_what_no_bin_can_express() -> None:
    logits = torch.randn(1, 4, 16)
    assert torch.equal(dfl(logits, torch.full((1, 4), 40.0)), dfl(logits, torch.full((1, 4), 14.99)))


def _setup(nc: int = 2) -> tuple[DetectionLoss, torch.Tensor, torch.Tensor]:
    loss = DetectionLoss(64, (8, 16, 32))
    points = 64 + 16 + 4
    return loss, torch.zeros(2, 64, points, requires_grad=True), torch.full((2, nc, points), -2.0, requires_grad=True)


def test_no_boxes_leave_only_the_class_loss_on_the_graph() -> None:
    loss, boxes, scores = _setup()
    value = loss(boxes, scores, torch.zeros(2, 0, 5), torch.zeros(2, 0, dtype=torch.bool))
    value.total.backward()
    assert value.box.item() == value.dfl.item() == 0
    per_score = math.log1p(math.exp(-2.0))
    assert value.cls.item() == pytest.approx(0.5 * scores.numel() * per_score, rel=1e-5)  # divided by 1, not by 0
    assert boxes.grad is not None and not boxes.grad.any() and scores.grad is not None and scores.grad.any()


def test_padding_rows_do_not_count() -> None:
    loss, boxes, scores = _setup()
    truths = torch.tensor([[[1.0, 8, 8, 40, 40]], [[0.0, 20, 10, 60, 50]]])
    one = loss(boxes, scores, truths, torch.tensor([[True], [False]]))
    padded = torch.cat((truths, torch.full((2, 3, 5), 1.0)), 1)
    two = loss(boxes, scores, padded, torch.tensor([[True, False, False, False], [False] * 4]))
    assert one.total.item() == pytest.approx(two.total.item(), rel=1e-6)


def test_perfect_logits_beat_equal_ones_in_every_part() -> None:
    loss, boxes, scores = _setup()
    truth = torch.tensor([0.0, 8, 8, 48, 40])
    truths, valid = truth.expand(2, 1, 5), torch.ones(2, 1, dtype=torch.bool)
    points, strides = grid([(8, 8), (4, 4), (2, 2)], (8, 16, 32))
    corners = truth[1:] / strides[:, None]
    sides = torch.cat((points - corners[:, :2], corners[:, 2:] - points), 1).clamp(0, 14.99)  # (A, 4)
    low = sides.long()
    share = sides - low
    exact = torch.full((len(points), 4, 16), 1e-6)
    exact.scatter_(2, low[..., None], (1 - share)[..., None].clamp(min=1e-6))
    exact.scatter_(2, low[..., None] + 1, share[..., None].clamp(min=1e-6))
    good = exact.log().permute(1, 2, 0).reshape(1, 64, -1).expand(2, -1, -1)
    centre = points * strides[:, None]
    inside = ((centre > truth[1:3]) & (centre < truth[3:])).all(1)
    # The ten best of the points inside are positives; all inside predict the box equally well.
    sure = torch.full((2, 2, len(points)), -8.0)
    sure[:, 0, inside] = 8.0
    start, end = loss(boxes, scores, truths, valid), loss(good, sure, truths, valid)
    assert end.box.item() < 0.01 < start.box.item()
    assert end.dfl.item() < start.dfl.item()
    assert loss(good, sure, truths, valid).cls.item() != pytest.approx(start.cls.item())


def test_half_precision_logits_are_lifted_to_fp32() -> None:
    loss, boxes, scores = _setup()
    truths, valid = torch.tensor([[[1.0, 8, 8, 40, 40]]]).expand(2, 1, 5), torch.ones(2, 1, dtype=torch.bool)
    value = loss(boxes.bfloat16(), scores.bfloat16(), truths, valid)
    assert value.total.dtype == torch.float32
    assert value.total.item() == pytest.approx(loss(boxes, scores, truths, valid).total.item(), rel=1e-5)
