"""Scores without training, against their formulas on networks that can be worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.operators.modules.detect import Predictions
from nas.proxies import zerocost
from nas.proxies.train import Batch

STOCK = TEMPLATES["yolov8n"].stock(2)


@pytest.fixture(scope="module")
def made() -> dict[type[zerocost.ZeroCost], zerocost.ZeroCost]:
    data = load("shapes", 64, max_train=32, max_val=4)
    kinds = (*zerocost.Vote.voters, zerocost.Vote)
    return {kind: kind(data, Path("unused")) for kind in kinds}


def test_sizes(made: dict[type[zerocost.ZeroCost], zerocost.ZeroCost]) -> None:
    """YOLOv8n with 80 classes is published with 3.2 M parameters and 8.7 GFLOPs at 640 pixels: 1 % of them at 64."""
    published = TEMPLATES["yolov8n"].stock(80)
    assert math.exp(made[zerocost.Params].score(published, 0).score) == pytest.approx(3.2e6, rel=0.02)
    assert math.exp(made[zerocost.Macs].score(published, 0).score) == pytest.approx(8.7e9 / 2 / 100, rel=0.02)


def test_nwot_is_the_determinant_of_equal_signs(
    made: dict[type[zerocost.ZeroCost], zerocost.ZeroCost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """K[i, j] counts the units whose sign is the same for images i and j: all, less their Hamming distance."""
    units = torch.tensor([[1.0, 1, 1, 1, -1], [1, -1, 1, -1, -1], [-1, -1, 1, 1, 1]])
    proxy = made[zerocost.Nwot]
    monkeypatch.setattr(proxy, "network", lambda detector, seed: nn.Sequential(nn.Identity(), nn.SiLU(inplace=True)))
    batch = Batch(units.clone(), torch.zeros(0), torch.zeros(0))
    monkeypatch.setattr(proxy, "batches", lambda seed: iter([batch]))
    kernel = np.array([[5, 3, 2], [3, 5, 2], [2, 2, 5]])
    assert proxy.score(STOCK, 0).score == pytest.approx(np.log(np.linalg.det(kernel)))


class Chain(Network):
    """Two convolutions and nothing else, both outputs taken from the second."""

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d):
        nn.Module.__init__(self)
        self.first, self.second = first, second

    def forward(self, x: torch.Tensor) -> Predictions:
        y = self.second(self.first(x))
        return Predictions(y[:, :1], y[:, 1:])


def test_synflow_sums_over_paths(
    made: dict[type[zerocost.ZeroCost], zerocost.ZeroCost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a chain of two every path's product counts once a convolution."""
    torch.manual_seed(0)
    chain = Chain(nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(4, 2, 1, bias=False))
    proxy = made[zerocost.SynFlow]
    monkeypatch.setattr(proxy, "network", lambda detector, seed: chain)
    one, other = (c.weight.detach().abs().double()[..., 0, 0] for c in (chain.first, chain.second))
    paths = float((other @ one).sum()) * 64 * 64
    assert proxy.score(STOCK, 0).score == pytest.approx(math.log(2 * paths), rel=1e-6)


def test_gradient_scores(
    made: dict[type[zerocost.ZeroCost], zerocost.ZeroCost], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weight by weight |g| is (1, 3) and (2, 2) in the first layer: mean 2, deviation 1, the other does not move and
    is left out; (4, 8) in the second: mean 6, deviation 2."""
    found = [[torch.tensor([1.0, -2.0]), torch.tensor([4.0])], [torch.tensor([-3.0, 2.0]), torch.tensor([8.0])]]

    def gradients(detector: Detector, seed: int) -> Iterator[list[torch.Tensor]]:
        return iter(found)

    monkeypatch.setattr(made[zerocost.ZiCo], "gradients", gradients)
    assert made[zerocost.ZiCo].score(STOCK, 0).score == pytest.approx(math.log(2) + math.log(3))
    monkeypatch.setattr(made[zerocost.GradNorm], "gradients", lambda detector, seed: iter(found[:1]))
    assert made[zerocost.GradNorm].score(STOCK, 0).score == pytest.approx(math.log(5**0.5 + 4))


def test_the_vote_is_zero_for_the_space_on_the_whole(
    made: dict[type[zerocost.ZeroCost], zerocost.ZeroCost], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zerocost.Vote, "members", 4)
    random, proxy = np.random.default_rng(0), made[zerocost.Vote]
    proxy.prepare()
    members = [proxy.space.random(random).detector(proxy.dataset.nc) for _ in range(4)]
    scores = [proxy.score(member, 0).score for member in members]
    assert sum(scores) == pytest.approx(0, abs=1e-6)
    assert len(set(scores)) == 4
