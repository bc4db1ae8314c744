"""Zero-cost scores: the size of a detector, and its activations and gradients at initialization."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from nas.data.dataset import Split
from nas.detectors.costs import cost
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.operators.modules.detect import Predictions
from nas.proxies.loss import DetectionLoss
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.train import Batch, batches, set_prior


@dataclass(frozen=True)
class Probe:
    """An untrained detector and its first batches.

    Attributes:
        detector: The detector, with the anchor-free head.
        split: Training images.
        recipe: Image size, batch size, number of batches (``steps``) and the prior of the head.
        seed: Seed of the weights and of the order of the data.
        device: Torch device.
    """

    detector: Detector
    split: Split
    recipe: Recipe
    seed: int
    device: str = "cpu"

    def network(self) -> Network:
        """A new untrained network in training mode; its head predicts the recipe's prior."""
        network = Network(self.detector, self.seed).to(self.device)
        set_prior(network, self.recipe.prior, self.recipe.spread)
        return network.train()

    def batches(self) -> Iterator[Batch]:
        """The first ``recipe.steps`` batches."""
        return batches(self.split, self.recipe, self.seed, self.device)

    def gradients(self) -> Iterator[list[Tensor]]:
        """For each batch, the gradients of the loss for the weights of every convolution."""
        network = self.network()
        loss_function = DetectionLoss(self.recipe.imgsz, network.strides, topk=self.recipe.topk, device=self.device)
        weights = [p for p in network.parameters() if p.ndim > 1 and p.requires_grad]
        for images, boxes, valid in self.batches():
            output = cast(Predictions, network(images))
            loss = loss_function(output.boxes, output.scores, boxes, valid).total
            if not torch.isfinite(loss):
                raise ProxyError(f"the training loss became {loss.item()} at step 1 of {self.recipe.steps}")
            yield list(torch.autograd.grad(loss, weights))


def params(probe: Probe) -> float:
    """Logarithm of the number of parameters."""
    return math.log(cost(probe.detector, probe.recipe.imgsz).params)


def macs(probe: Probe) -> float:
    """Logarithm of the multiply-adds."""
    return math.log(cost(probe.detector, probe.recipe.imgsz).macs)


def nwot(probe: Probe) -> float:
    """NWOT: log |K| for the kernel K of images (Mellor et al., ICML 2021, section 3).

    K[i, j] is the number of units, summed over all activations, with the same sign for images i and j.
    """
    network, images = probe.network(), next(probe.batches()).images
    count = len(images)
    kernel = torch.zeros(count, count, dtype=torch.float64, device=probe.device)

    def add_signs(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        on = (inputs[0].detach().reshape(count, -1) > 0).float()
        kernel.add_((on @ on.T + (1 - on) @ (1 - on).T).double())

    # A hook counts every call: one activation module may be used in many places.
    handles = [m.register_forward_pre_hook(add_signs) for m in network.modules() if isinstance(m, nn.SiLU | nn.ReLU)]
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return float(torch.linalg.slogdet(kernel).logabsdet)


def synflow(probe: Probe) -> float:
    """SynFlow: logarithm of the sum over weights of |weight * d(output) / d(weight)| (Tanaka et al., NeurIPS 2020).

    It is equation 2 with all weights positive and an image of ones: the sum of all paths' products of weights.
    """
    network = probe.network().double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()  # running mean 0 and variance 1: the identity
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data.abs_()
    weights = [p for p in network.parameters() if p.ndim > 1 and p.requires_grad]
    side = probe.recipe.imgsz
    output = cast(Predictions, network(torch.ones(1, 3, side, side, dtype=torch.float64, device=probe.device)))
    flow = torch.autograd.grad(output.boxes.sum() + output.scores.sum(), weights)
    return _log(sum(float((w.detach() * g).abs().sum()) for w, g in zip(weights, flow, strict=True)))


def gradnorm(probe: Probe) -> float:
    """Gradient norm: logarithm of the sum over convolutions of the norm of the first batch's gradient.

    See Abdelfattah et al., ICLR 2021, section 3.1.
    """
    return _log(sum(float(gradient.norm()) for gradient in next(probe.gradients())))


def zico(probe: Probe) -> float:
    """ZiCo: sum over convolutions of the logarithm of the sum of mean |g| / sd |g| over batches.

    See Li et al., ICLR 2023, equation 13. Weights whose gradient is constant are left out.
    """
    logs = []
    for layer in zip(*probe.gradients(), strict=True):
        size = torch.stack([gradient.flatten().abs() for gradient in layer])
        deviation, mean = size.std(0, correction=0), size.mean(0)
        varying = deviation > 0
        if varying.any():
            logs.append(math.log(float((mean[varying] / deviation[varying]).sum())))
    return sum(logs) if logs else -math.inf


ZERO_COST_SCORES: dict[str, Callable[[Probe], float]] = {
    "params": params,
    "macs": macs,
    "nwot": nwot,
    "synflow": synflow,
    "gradnorm": gradnorm,
    "zico": zico,
}
"""Scores by name, in the order in which the vote computes them."""


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
