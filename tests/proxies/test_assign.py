from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nas.operators.modules.detect import grid
from nas.proxies.assign import Assignment, assign

POINTS, STRIDES = grid([(8, 8), (4, 4), (2, 2)], (8, 16, 32))
PIXELS = POINTS * STRIDES[:, None]
COUNT = len(PIXELS)


def run(truths: list[list[float]], boxes: Tensor | None = None, probability: float = 0.25, **kw: float) -> Assignment:
    """One image of 64 px and two classes; every anchor predicts a 16 px box around itself unless told otherwise."""
    if boxes is None:
        boxes = torch.cat((PIXELS - 8, PIXELS + 8), 1)
    rows = torch.tensor(truths).reshape(1, -1, 5)
    valid = torch.ones(rows.shape[:2], dtype=torch.bool)
    return assign(torch.full((1, 2, COUNT), probability), boxes[None], PIXELS, rows, valid, **kw)  # type: ignore[arg-type]


def test_no_truth_gives_background() -> None:
    found = run([])
    assert not found.positive.any() and not found.scores.any()
    assert found.scores.shape == (1, 2, COUNT) and found.boxes.shape == (1, COUNT, 4)


def test_only_points_strictly_inside_are_positive_and_the_best_gets_its_overlap() -> None:
    found = run([[1, 8, 8, 40, 40]])
    positive = found.positive[0]
    assert 0 < int(positive.sum()) <= 10
    assert ((PIXELS[positive] > 8) & (PIXELS[positive] < 40)).all()
    assert not found.scores[0, 0].any()
    assert found.scores[0, 1].max().item() == pytest.approx(16 * 16 / 32**2, abs=1e-3)  # IoU of a centred 16 px box
    assert found.boxes[0][positive].unique(dim=0).tolist() == [[8, 8, 40, 40]]


def test_topk_counts_over_all_levels_together() -> None:
    for topk in (1, 3, 10):
        assert int(run([[0, 0.5, 0.5, 63.5, 63.5]], topk=topk).positive.sum()) == topk


def test_topk_may_exceed_the_anchors() -> None:
    assert int(run([[0, 0.5, 0.5, 63.5, 63.5]], topk=1000).positive.sum()) == COUNT


def test_a_shared_anchor_goes_to_the_truth_it_overlaps_most() -> None:
    left, right = [0.0, 4, 20, 36, 44], [1.0, 20, 20, 60, 44]
    boxes = torch.tensor(right[1:]).repeat(COUNT, 1)  # every anchor predicts the right one
    found = run([left, right], boxes)
    shared = (PIXELS[:, 0] > 20) & (PIXELS[:, 0] < 36) & (PIXELS[:, 1] > 20) & (PIXELS[:, 1] < 44)
    assert (found.owner[0][shared & found.positive[0]] == 1).all()
    assert (found.scores.sum(1)[0] > 0).sum() == found.positive.sum()
    assert found.scores[0, 1].max().item() == pytest.approx(1, abs=1e-3)


def test_more_truths_than_topk_each_keep_an_anchor() -> None:
    truths = [[0.0, x, y, x + 8, y + 8] for x in range(0, 64, 16) for y in range(0, 64, 16)]
    found = run(truths, topk=2)
    assert found.owner[0][found.positive[0]].unique().numel() == len(truths) == 16


def test_a_truth_smaller_than_a_cell_still_finds_candidates() -> None:
    tiny = [0, 17.5, 17.5, 18.5, 18.5]  # no point lies in it
    exact = torch.tensor(tiny[1:]).repeat(COUNT, 1)
    assert not run([tiny], exact, min_side=0.0).positive.any()
    assert run([tiny], exact).positive.any()


def test_without_overlap_positives_weigh_nothing() -> None:
    far = torch.tensor([100.0, 100, 110, 110]).repeat(COUNT, 1)
    found = run([[1, 8, 8, 40, 40]], far)
    inside = ((PIXELS > 8) & (PIXELS < 40)).all(1)
    assert not found.positive[0][~inside].any() and not found.scores.any()


def test_padding_masks_after_topk() -> None:
    rows = torch.tensor([[[0.0, 8, 8, 40, 40], [0, 0, 0, 64, 64]]])
    boxes = torch.cat((PIXELS - 8, PIXELS + 8), 1)[None]
    probabilities = torch.full((1, 2, COUNT), 0.25)
    valid = torch.tensor([[True, False]])
    both = assign(probabilities, boxes, PIXELS, rows, valid, topk=1)
    alone = assign(probabilities, boxes, PIXELS, rows[:, :1], valid[:, :1], topk=1)
    assert torch.equal(both.positive, alone.positive) and torch.equal(both.scores, alone.scores)


def test_half_precision_does_not_underflow() -> None:
    boxes = torch.cat((PIXELS - 8, PIXELS + 8), 1)[None]
    rows, valid = torch.tensor([[[0.0, 0, 0, 63, 63]]]), torch.ones(1, 1, dtype=torch.bool)
    found = assign(torch.full((1, 2, COUNT), 0.01).half(), boxes.half(), PIXELS, rows, valid)
    assert found.scores.max() > 0
