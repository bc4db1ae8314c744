"""The training loop that every proxy shares."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from nas.data.dataset import Dataset, Split
from nas.detectors.network import Network
from nas.operators.detect import BINS
from nas.operators.modules.detect import Detect, Predictions
from nas.progress import Progress
from nas.proxies.base import Outcome, ProxyError
from nas.proxies.loss import DetectionLoss
from nas.proxies.recipe import Recipe
from nas.proxies.score import detect


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seeds torch and asks it for deterministic kernels; both are put back on leaving."""
    settings: Any = torch.utils.deterministic  # a module that declares its one setting to no type checker
    before = torch.are_deterministic_algorithms_enabled(), settings.fill_uninitialized_memory
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True)
        # Filling memory that is about to be written costs a tenth of a step, and nothing here reads it before.
        settings.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0])
            settings.fill_uninitialized_memory = before[1]


def fit(
    network: Network,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    *,
    device: str,
    progress: Progress | None,
    test: Split | None = None,
    fresh_head: bool = True,
) -> Outcome:
    """Train ``network`` by the recipe and score it on the validation split, and on a ``test`` split where one is given.

    Raises:
        ProxyError: the loss or the network's output is not finite, or the validation images hold no box.
    """
    start = time.perf_counter()
    curve = train(network, dataset.train, recipe, seed, device=device, progress=progress, fresh_head=fresh_head)
    found = detect(network, dataset.val, recipe, device=device)
    score = found.score(dataset.nc)
    seconds = time.perf_counter() - start
    tested = None if test is None else detect(network, test, recipe, device=device).score(dataset.nc)
    return Outcome(score, seconds, curve, test=tested, seen=found.seen())


def train(
    network: Network,
    split: Split,
    recipe: Recipe,
    seed: int,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
    fresh_head: bool = True,
) -> tuple[dict[str, float], ...]:
    """Train ``network`` in place for ``recipe.steps`` steps and return the curve, about twenty rows: means
    over the steps since the row before.

    A ``fresh_head`` gets the biases of `set_prior` first; one that has learned keeps its own.

    Raises:
        ProxyError: the loss is not finite.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = recipe.momentum
    if fresh_head:
        set_prior(network, recipe.prior, recipe.spread)
    # oneDNN convolutions train about 1.5 times as fast in this layout on CPU.
    network.to(device).train()
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.to(memory_format=torch.channels_last)
    loss_of = DetectionLoss(recipe.imgsz, network.strides, topk=recipe.topk, device=device)
    descent = Descent(network, recipe)
    curve: list[dict[str, float]] = []
    since: list[list[float]] = []
    for step, (images, boxes, valid) in enumerate(batches(split, recipe, seed, device)):
        output = cast(Predictions, network(images))
        losses = loss_of(output.boxes, output.scores, boxes, valid)
        value = losses.total.item()
        if not math.isfinite(value):
            raise ProxyError(f"the training loss became {value} at step {step + 1} of {recipe.steps}")
        since.append([value, losses.box.item(), losses.cls.item(), losses.dfl.item(), descent.lr])
        if (step + 1) % max(1, recipe.steps // 20) == 0 or step == recipe.steps - 1:
            means = dict(zip(("loss", "box", "cls", "dfl", "lr"), map(fmean, zip(*since, strict=True)), strict=True))
            curve.append({"step": step + 1, **means})
            since.clear()
        descent.step(losses.total)
        if progress:
            progress((step + 1) / recipe.steps)
    return tuple(curve)


class Descent:
    """AdamW under a recipe's schedule, gradients clipped."""

    def __init__(self, module: nn.Module, recipe: Recipe):
        self._parameters, self._clip = list(module.parameters()), recipe.clip
        groups = _groups(module, recipe.weight_decay)
        self._optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, recipe.beta2), fused=True)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda step: _share(step, recipe))

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedule.get_last_lr()[0])

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of this loss."""
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._optimizer.step()
        self._schedule.step()


class Batch(NamedTuple):
    """Images (B, 3, S, S) in 0..1; boxes (B, M, 5) class, x1, y1, x2, y2 in pixels, padded; valid (B, M)."""

    images: Tensor
    boxes: Tensor
    valid: Tensor


def batches(split: Split, recipe: Recipe, seed: int, device: str) -> Iterator[Batch]:
    """``recipe.steps`` batches, mirrored at random; every image once before any comes again."""
    truths, valid = pad(split.boxes)
    for chosen, flips in _chosen(len(split.images), recipe, seed):
        images, boxes = mirror(split.images[chosen], truths[chosen], flips)
        images = images.to(device, memory_format=torch.channels_last).float().div_(255)
        yield Batch(images, boxes.to(device), valid[chosen].to(device))


def set_prior(network: Network, prior: float, spread: float) -> None:
    """What the head predicts before it has learned: class probability ``prior``, and box sides of about ``spread``
    cells, the bins of a side falling off as exp(-bin / spread).

    The stock values mean five objects in 640 x 640 pixels and sides of 7.5 cells. At a proxy's resolution such boxes
    cover the image, so that the assignment of the first steps is noise.
    """
    head = cast(Detect, network.model[-1])
    for box, cls in zip(head.cv2, head.cv3, strict=True):
        sides, classes = (cast(nn.Conv2d, cast(nn.Sequential, branch)[-1]).bias for branch in (box, cls))
        assert sides is not None and classes is not None
        sides.data.copy_((-torch.arange(BINS) / spread).repeat(4))
        classes.data.fill_(math.log(prior / (1 - prior)))


def pad(boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Ground truth of N images as one (N, M, 5) tensor and a (N, M) mask of its real rows."""
    most = max((len(rows) for rows in boxes), default=0)
    truths, valid = torch.zeros(len(boxes), most, 5), torch.zeros(len(boxes), most, dtype=torch.bool)
    for image, rows in enumerate(boxes):
        truths[image, : len(rows)], valid[image, : len(rows)] = rows, True
    return truths, valid


def mirror(images: Tensor, boxes: Tensor, flips: Tensor) -> tuple[Tensor, Tensor]:
    """Images (B, 3, S, S) and boxes (B, M, 5), mirrored left to right where ``flips`` (B,) is true."""
    x1, x2 = boxes[..., 1], boxes[..., 3]
    side = images.shape[-1]
    mirrored = torch.stack((boxes[..., 0], side - x2, boxes[..., 2], side - x1, boxes[..., 4]), -1)
    picked = flips[:, None, None]
    return torch.where(picked[..., None], images.flip(-1), images), torch.where(picked, mirrored, boxes)


def _chosen(images: int, recipe: Recipe, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The indices of each batch and which of it to mirror."""
    generator = torch.Generator().manual_seed(seed)
    queue = torch.empty(0, dtype=torch.long)
    for _ in range(recipe.steps):
        while len(queue) < recipe.batch:
            queue = torch.cat((queue, torch.randperm(images, generator=generator)))
        chosen, queue = queue[: recipe.batch], queue[recipe.batch :]
        flips = torch.rand(recipe.batch, generator=generator) < 0.5
        yield chosen, flips & recipe.flip


def _groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Convolution weights decay; norms and biases, which are vectors, do not."""
    matrices = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def _share(step: int, recipe: Recipe) -> float:
    """Learning rate of a step as a share of its peak."""
    rise = max(1, round(recipe.warmup * recipe.steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, recipe.steps - rise)))
