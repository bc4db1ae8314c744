"""AP of detections without groups of images."""

from __future__ import annotations

import pytest
import torch

from nas.data.dataset import Split
from nas.proxies.ap import average_precision
from nas.proxies.detections import GROUPS, Detections


def split(count: int, empty: frozenset[int] = frozenset()) -> Split:
    """Images with a box each, but for some."""
    box = torch.tensor([[0.0, 8.0, 8.0, 24.0, 24.0]])
    boxes = tuple(box[:0] if image in empty else box for image in range(count))
    return Split(torch.zeros(count, 3, 32, 32, dtype=torch.uint8), boxes)


def test_each_group_of_images_is_left_out_once() -> None:
    count = 2 * GROUPS
    images = split(count)
    found = torch.tensor([[8.0, 8.0, 24.0, 24.0, 0.9, 0.0]])
    boxes = [found if image % 3 else found[:0] for image in range(count)]
    aps = Detections(images, list(range(count)), boxes).jackknife(1)
    assert len(aps) == GROUPS
    rest = [image for image in range(count) if image % GROUPS != 3]
    assert aps[3] == average_precision([boxes[image] for image in rest], [images.boxes[image] for image in rest], 1)
    assert len(set(aps)) > 1


def test_there_is_none_where_a_group_holds_all_boxes() -> None:
    images = split(5, frozenset({1, 2, 3, 4}))
    assert Detections(images, list(range(5)), [torch.zeros(0, 6)] * 5).jackknife(1) == ()


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_images_than_groups(count: int) -> None:
    aps = Detections(split(count), list(range(count)), [torch.zeros(0, 6)] * count).jackknife(1)
    assert aps == ((0.0,) * GROUPS if count > 1 else ())
