"""Detections that are scored and detections that are stored for the dashboard are equal."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from nas.data.dataset import Split
from nas.detectors.network import Network
from nas.proxies.detections import detect, displayed_images
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe


class Painted(nn.Module):
    """Detects in every image a box as wide as its first pixel says, of class 1, and a less sure one of class 0."""

    def forward(self, images: Tensor) -> Tensor:
        width = (images[:, 0, 0, 0] * 255).round()
        one, half, none = torch.ones_like(width), torch.full_like(width, 0.5), torch.zeros_like(width)
        sure = torch.stack([10 * one, 10 * one, width, width, none, 0.9 * one], 1)
        unsure = torch.stack([40 * one, 40 * one, width, width, half, none], 1)
        return torch.stack([unsure, sure], 2)


def split(images: int) -> Split:
    pixels = torch.zeros(images, 3, 64, 64, dtype=torch.uint8)
    pixels[:, 0, 0, 0] = torch.arange(images) + 2
    boxes = [torch.tensor([[1.0, 10 - w / 2, 10 - w / 2, 10 + w / 2, 10 + w / 2]]) for w in range(2, images + 2)]
    return Split(pixels, tuple(boxes))


def test_what_is_kept_is_what_was_scored() -> None:
    network, recipe = cast(Network, Painted()), replace(Recipe(), val_images=5)
    found = detect(network, split(10), recipe)
    assert found.images == [0, 2, 4, 6, 8]
    assert found.score(2) == pytest.approx(1.0)  # class 0 has no truth and does not count
    seen = found.displayed()
    assert [row["image"] for row in seen] == [0, 0, 2, 2, 4, 4, 6, 6]
    for row, kind, score in zip(seen, [1, 0] * 4, [0.9, 0.5] * 4, strict=True):
        half, centre = (row["image"] + 2) / 2, 10 if kind else 40
        corners = [centre - half, centre - half, centre + half, centre + half]
        assert [row[key] for key in ("x1", "y1", "x2", "y2")] == pytest.approx(corners)
        assert (row["class"], row["score"]) == (kind, pytest.approx(score))


def test_which_images_are_looked_at() -> None:
    assert displayed_images(256, 400) == [0, 64, 128, 192]
    assert displayed_images(1000, 400) == [0, 250, 500, 750]
    assert displayed_images(3, 400) == [0, 1, 2]


def test_without_any_truth_there_is_no_score() -> None:
    blank = Split(split(4).images, (torch.zeros(0, 5),) * 4)
    with pytest.raises(ProxyError, match="no box in the validation images"):
        detect(cast(Network, Painted()), blank, Recipe()).score(2)
