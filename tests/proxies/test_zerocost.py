"""Zero-cost scores against their formulas, on networks that can be worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nas.data.dataset import Dataset
from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.operators.modules.detect import Predictions
from nas.proxies.outcome import ProxyError
from nas.proxies.train import Batch, reproducible
from nas.proxies.zerocost import ZeroCost, ZeroCostVote
from nas.proxies.zerocost_scores import (
    ZERO_COST_SCORES,
    Probe,
    gradnorm,
    macs,
    nwot,
    params,
    synflow,
    zico,
)

STOCK = TEMPLATES["yolov8n"].stock(6)  # the classes of `shapes`
RUNS_NETWORK = sorted(ZERO_COST_SCORES.keys() - {"params", "macs"})
"""Scores that run a network and do not only count."""


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("shapes", 64, max_train=32, max_val=4)


@pytest.fixture
def probe(data: Dataset) -> Probe:
    return Probe(STOCK, data.train, ZeroCost.recipe, 0)


def measured(score: Callable[[Probe], float], probe: Probe) -> float:
    with reproducible(probe.seed):
        return score(probe)


def test_sizes(probe: Probe) -> None:
    """YOLOv8n with 80 classes is published with 3.2 M parameters and 8.7 GFLOPs at 640 pixels: 1 % of them at 64."""
    published = replace(probe, detector=TEMPLATES["yolov8n"].stock(80))
    assert math.exp(params(published)) == pytest.approx(3.2e6, rel=0.02)
    assert math.exp(macs(published)) == pytest.approx(8.7e9 / 2 / 100, rel=0.02)


def test_nwot_is_the_determinant_of_equal_signs(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """K[i, j] counts the units whose sign is the same for images i and j: all, less their Hamming distance."""
    units = torch.tensor([[1.0, 1, 1, 1, -1], [1, -1, 1, -1, -1], [-1, -1, 1, 1, 1]])
    monkeypatch.setattr(Probe, "network", lambda self: nn.Sequential(nn.Identity(), nn.SiLU(inplace=True)))
    batch = Batch(units.clone(), torch.zeros(0), torch.zeros(0))
    monkeypatch.setattr(Probe, "batches", lambda self: iter([batch]))
    kernel = np.array([[5, 3, 2], [3, 5, 2], [2, 2, 5]])
    assert nwot(probe) == pytest.approx(np.log(np.linalg.det(kernel)))


class Chain(Network):
    """Two convolutions and nothing else, both outputs taken from the second."""

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d):
        nn.Module.__init__(self)
        self.first, self.second = first, second

    def forward(self, x: torch.Tensor) -> Predictions:
        y = self.second(self.first(x))
        return Predictions(y[:, :1], y[:, 1:])


def test_synflow_sums_over_paths(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a chain of two every path's product counts once a convolution."""
    torch.manual_seed(0)
    chain = Chain(nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(4, 2, 1, bias=False))
    monkeypatch.setattr(Probe, "network", lambda self: chain)
    one, other = (c.weight.detach().abs().double()[..., 0, 0] for c in (chain.first, chain.second))
    paths = float((other @ one).sum()) * 64 * 64
    assert synflow(probe) == pytest.approx(math.log(2 * paths), rel=1e-6)


def test_gradient_scores(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weight by weight |g| is (1, 3) and (2, 2) in the first layer: mean 2, deviation 1; the other is constant and is
    left out. (4, 8) in the second: mean 6, deviation 2."""
    found = [[torch.tensor([1.0, -2.0]), torch.tensor([4.0])], [torch.tensor([-3.0, 2.0]), torch.tensor([8.0])]]

    def gradients(self: Probe) -> Iterator[list[torch.Tensor]]:
        return iter(found)

    monkeypatch.setattr(Probe, "gradients", gradients)
    assert zico(probe) == pytest.approx(math.log(2) + math.log(3))
    assert gradnorm(probe) == pytest.approx(math.log(5**0.5 + 4))


@pytest.mark.parametrize("name", ZERO_COST_SCORES)
def test_each_score_is_reproducible_and_leaves_no_trace(name: str, probe: Probe) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = measured(ZERO_COST_SCORES[name], probe)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert measured(ZERO_COST_SCORES[name], probe) == first
    assert math.isfinite(first)
    if name in RUNS_NETWORK:
        assert measured(ZERO_COST_SCORES[name], replace(probe, seed=1)) != first


class One(ZeroCost):
    """A single score as a proxy."""

    name = "one"

    def __init__(self, data: Dataset, name: str):
        super().__init__(data, Path("unused"))
        self.name = name

    def measure(self, probe: Probe) -> float:
        return ZERO_COST_SCORES[self.name](probe)


@pytest.mark.parametrize("factor", [0.0, math.nan])
@pytest.mark.parametrize("name", RUNS_NETWORK)
def test_each_score_refuses_a_network_without_features_or_with_nan(
    name: str, factor: float, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Network.forward
    monkeypatch.setattr(Network, "forward", lambda self, x: real(self, factor * x))
    with pytest.raises(ProxyError, match=r"became -?(inf|nan)"):
        One(data, name).score(STOCK, 0)
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_vote_is_zero_for_the_space_on_the_whole(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ZeroCostVote, "members", 4)
    random, proxy = np.random.default_rng(0), ZeroCostVote(data, Path("unused"))
    proxy.prepare()
    members: list[Detector] = [proxy.space.random(random).detector(proxy.dataset.nc) for _ in range(4)]
    scores = [proxy.score(member, 0).score for member in members]
    assert sum(scores) == pytest.approx(0, abs=1e-6)
    assert len(set(scores)) == 4
