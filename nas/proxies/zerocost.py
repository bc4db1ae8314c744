"""Scores without training: how large a network is, and what its first activations and gradients tell.

Each is one `Proxy`. Most of them follow a network's size, and on detectors many rank worse than its multiply-adds
(YOLOBench, ICCV workshops 2023): they are here to be compared with, and because they cost a second.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from nas.detectors.costs import cost
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.operators.modules.detect import Predictions
from nas.progress import Progress
from nas.proxies.base import Outcome, Proxy, ProxyError
from nas.proxies.loss import DetectionLoss
from nas.proxies.recipe import Recipe
from nas.proxies.train import Batch, batches, reproducible, set_prior


class ZeroCost(Proxy):
    """A score that trains nothing, by `measure`."""

    trains: ClassVar[bool] = False
    unit: ClassVar[str] = "score (untrained)"
    recipe = Recipe(steps=2)

    @abstractmethod
    def measure(self, detector: Detector, seed: int) -> float:
        """The score, larger for what should become more accurate; in no particular unit."""

    def judge(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        start = time.perf_counter()
        with reproducible(seed):
            value = self.measure(detector, seed)
        if not math.isfinite(value):
            raise ProxyError(f"{self.name} became {value}")
        if progress:
            progress(1.0)
        return Outcome(value, time.perf_counter() - start, ())

    def network(self, detector: Detector, seed: int) -> Network:
        """The untrained network, its head at the recipe's prior."""
        network = Network(detector, seed).to(self.device)
        set_prior(network, self.recipe.prior, self.recipe.spread)
        return network.train()

    def batches(self, seed: int) -> Iterator[Batch]:
        """As many of the first batches as the recipe has steps."""
        return batches(self.dataset.train, self.recipe, seed, self.device)

    def gradients(self, detector: Detector, seed: int) -> Iterator[list[Tensor]]:
        """By batch, the loss's gradients for the weights of every convolution."""
        network = self.network(detector, seed)
        loss_of = DetectionLoss(self.recipe.imgsz, network.strides, topk=self.recipe.topk, device=self.device)
        weights = [p for p in network.parameters() if p.ndim > 1 and p.requires_grad]
        for images, boxes, valid in self.batches(seed):
            output = cast(Predictions, network(images))
            loss = loss_of(output.boxes, output.scores, boxes, valid).total
            if not torch.isfinite(loss):
                raise ProxyError(f"the training loss became {loss.item()} at step 1 of {self.recipe.steps}")
            yield list(torch.autograd.grad(loss, weights))


class Params(ZeroCost):
    """The logarithm of the parameters."""

    name = "params"

    def measure(self, detector: Detector, seed: int) -> float:
        return math.log(cost(detector, self.recipe.imgsz).params)


class Macs(ZeroCost):
    """The logarithm of the multiply-adds."""

    name = "macs"

    def measure(self, detector: Detector, seed: int) -> float:
        return math.log(cost(detector, self.recipe.imgsz).macs)


class Nwot(ZeroCost):
    """How differently an untrained network's units answer to different images: log |K|, K the sum over activations of
    how many units of two images have the same sign (Mellor et al., ICML 2021, section 3)."""

    name = "nwot"

    def measure(self, detector: Detector, seed: int) -> float:
        network = self.network(detector, seed)
        images = next(self.batches(seed))[0]
        count = len(images)
        kernel = torch.zeros(count, count, dtype=torch.float64, device=self.device)

        def signs(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            on = (inputs[0].detach().reshape(count, -1) > 0).float()
            kernel.add_((on @ on.T + (1 - on) @ (1 - on).T).double())

        # Not by module: one activation module may serve many places, and is met as often.
        handles = [m.register_forward_pre_hook(signs) for m in network.modules() if isinstance(m, nn.SiLU | nn.ReLU)]
        with torch.no_grad():
            network(images)
        for handle in handles:
            handle.remove()
        return float(torch.linalg.slogdet(kernel).logabsdet)


class SynFlow(ZeroCost):
    """The logarithm of the sum over weights of |weight x d(output)/d(weight)|, weights made positive, for an image of
    ones (Tanaka et al., NeurIPS 2020, equation 2): the sum over all paths of the products of their weights."""

    name = "synflow"

    def measure(self, detector: Detector, seed: int) -> float:
        network = self.network(detector, seed).double()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()  # running mean 0 and variance 1: passes on what it gets
        for parameter in network.parameters():
            parameter.data.abs_() if parameter.ndim > 1 else None
        weights = [p for p in network.parameters() if p.ndim > 1 and p.requires_grad]
        side = self.recipe.imgsz
        output = cast(Predictions, network(torch.ones(1, 3, side, side, dtype=torch.float64, device=self.device)))
        flow = torch.autograd.grad(output.boxes.sum() + output.scores.sum(), weights)
        return _log(sum(float((w * g).abs().sum()) for w, g in zip(weights, flow, strict=True)))


class GradNorm(ZeroCost):
    """The logarithm of the sum over convolutions of the norm of the first batch's gradient (Abdelfattah et al., ICLR
    2021, section 3.1)."""

    name = "gradnorm"

    def measure(self, detector: Detector, seed: int) -> float:
        return _log(sum(float(g.norm()) for g in next(self.gradients(detector, seed))))


class ZiCo(ZeroCost):
    """The sum over convolutions of log sum over weights of mean |g| / sd |g|, over batches (Li et al., ICLR 2023,
    equation 13)."""

    name = "zico"

    def measure(self, detector: Detector, seed: int) -> float:
        layers = zip(*self.gradients(detector, seed), strict=True)
        logs = []
        for of_layer in layers:
            size = torch.stack([g.flatten().abs() for g in of_layer])
            deviation, mean = size.std(0, correction=0), size.mean(0)
            moved = deviation > 0
            if moved.any():
                logs.append(math.log(float((mean[moved] / deviation[moved]).sum())))
        return sum(logs) if logs else -math.inf


class Vote(ZeroCost):
    """The mean of the others, each in standard deviations from its mean over random members of the space: what they
    agree on (Abdelfattah et al., ICLR 2021, section 4.4, vote by ranks)."""

    name = "zerocost"
    voters: ClassVar[Sequence[type[ZeroCost]]] = (Params, Macs, Nwot, SynFlow, GradNorm, ZiCo)
    members: ClassVar[int] = 24
    """Random members that say where a voter's scores lie."""

    def facts(self) -> dict[str, object]:
        return super().facts() | {"space": self.space.fingerprint, "members": self.members}

    def prepare(self, progress: Progress | None = None) -> None:
        random = np.random.default_rng(0)
        detectors = [self.space.random(random).detector(self.dataset.nc) for _ in range(self.members)]
        scores = []
        for number, detector in enumerate(detectors, 1):
            with reproducible(0):
                scores.append(self._votes(detector, 0))
            if progress:
                progress(number / len(detectors))
        self._mean, self._deviation = np.mean(scores, 0), np.std(scores, 0)

    def measure(self, detector: Detector, seed: int) -> float:
        if not hasattr(self, "_mean"):
            self.prepare()
        return float(np.mean((np.array(self._votes(detector, seed)) - self._mean) / self._deviation))

    def _votes(self, detector: Detector, seed: int) -> list[float]:
        makers: list[Callable[..., ZeroCost]] = list(self.voters)
        made = [make(self.dataset, self.folder, space=self.space, device=self.device) for make in makers]
        return [voter.measure(detector, seed) for voter in made]


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
