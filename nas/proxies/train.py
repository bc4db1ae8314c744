"""Training loop of the proxies."""

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
from nas.progress import Progress, silent
from nas.proxies.detections import detect
from nas.proxies.loss import DetectionLoss, Losses
from nas.proxies.outcome import Outcome, ProxyError
from nas.proxies.recipe import Recipe

CURVE_ROWS = 20
"""Number of rows of a training curve."""


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed torch and make it use deterministic kernels; restore the former state at the end of the block."""
    settings: Any = torch.utils.deterministic  # a module whose one setting is not declared to type checkers
    before = torch.get_deterministic_debug_mode(), settings.fill_uninitialized_memory
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # torch.use_deterministic_algorithms does the same, and imports the compiler, which takes seconds.
        torch.set_deterministic_debug_mode("error")
        # Filling memory costs a tenth of a step, and no code here reads memory before it writes it.
        settings.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.set_deterministic_debug_mode(before[0])
            settings.fill_uninitialized_memory = before[1]


def fit(
    network: Network,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    *,
    device: str,
    progress: Progress = silent,
    test_split: Split | None = None,
    fresh_head: bool = True,
) -> Outcome:
    """Train a network, then score it on the validation split.

    Args:
        network: The network; it is changed.
        dataset: The data set.
        recipe: Constants of the training.
        seed: Seed of the order of the data.
        device: Torch device.
        progress: Receives the share done.
        test_split: Split on which the network is scored too.
        fresh_head: True if the head has not been trained; see `train`.

    Raises:
        ProxyError: The loss or the network's output is not finite, or the validation images contain no box.
    """
    start = time.perf_counter()
    curve = train(network, dataset.train, recipe, seed, device=device, progress=progress, fresh_head=fresh_head)
    found = detect(network, dataset.val, recipe, device=device)
    score = found.score(dataset.nc)
    seconds = time.perf_counter() - start
    test_score = None
    if test_split is not None:
        test_score = detect(network, test_split, recipe, device=device).score(dataset.nc)
    return Outcome(score, seconds, curve, test_score=test_score, detections=found.displayed())


def train(
    network: Network,
    split: Split,
    recipe: Recipe,
    seed: int,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    fresh_head: bool = True,
) -> tuple[dict[str, float], ...]:
    """Train a network in place.

    Args:
        network: The network.
        split: Images to train on.
        recipe: Constants of the training.
        seed: Seed of the order of the data.
        device: Torch device.
        progress: Receives the share done.
        fresh_head: True if the head has not been trained. Its biases are then set by `set_prior`.

    Returns:
        The training curve; see `nas.proxies.outcome.Outcome.curve`.

    Raises:
        ProxyError: The loss is not finite.
    """
    _prepare_network(network, recipe, device, fresh_head)
    loss_function = DetectionLoss(recipe.imgsz, network.strides, topk=recipe.topk, device=device)
    optimizer = ScheduledOptimizer(network, recipe)
    curve = _Curve(recipe.steps)
    for step, (images, boxes, valid) in enumerate(batches(split, recipe, seed, device)):
        output = cast(Predictions, network(images))
        losses = loss_function(output.boxes, output.scores, boxes, valid)
        if not math.isfinite(value := losses.total.item()):
            raise ProxyError(f"the training loss became {value} at step {step + 1} of {recipe.steps}")
        curve.add(step, losses, optimizer.lr)
        optimizer.step(losses.total)
        progress((step + 1) / recipe.steps)
    return tuple(curve.rows)


def _prepare_network(network: Network, recipe: Recipe, device: str, fresh_head: bool) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = recipe.momentum
    if fresh_head:
        set_prior(network, recipe.prior, recipe.spread)
    network.to(device).train()
    for parameter in network.parameters():
        if parameter.ndim == 4:  # oneDNN trains about 1.5 times as fast in this layout on a CPU
            parameter.data = parameter.data.to(memory_format=torch.channels_last)


class _Curve:
    """Training curve: means over a few steps each."""

    def __init__(self, steps: int):
        self.rows: list[dict[str, float]] = []
        self._steps, self._pending = steps, list[list[float]]()

    def add(self, step: int, losses: Losses, lr: float) -> None:
        total, box, cls, dfl = (loss.item() for loss in losses)
        self._pending.append([total, box, cls, dfl, lr])
        if (step + 1) % max(1, self._steps // CURVE_ROWS) == 0 or step == self._steps - 1:
            means = map(fmean, zip(*self._pending, strict=True))
            row = dict(zip(("loss", "box", "cls", "dfl", "lr"), means, strict=True))
            self.rows.append({"step": step + 1, **row})
            self._pending.clear()


class ScheduledOptimizer:
    """AdamW with a recipe's learning rate schedule and gradient clipping."""

    def __init__(self, module: nn.Module, recipe: Recipe):
        self._parameters, self._clip = list(module.parameters()), recipe.clip
        groups = _parameter_groups(module, recipe.weight_decay)
        self._optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, recipe.beta2), fused=True)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda step: _lr_share(step, recipe))

    @property
    def lr(self) -> float:
        """Learning rate of the next step."""
        return float(self._schedule.get_last_lr()[0])

    def step(self, loss: Tensor) -> None:
        """Compute the gradients of a loss and take one step."""
        with self.stepping():
            loss.backward()

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Take one step with the gradients that the block computes."""
        self._optimizer.zero_grad(set_to_none=True)
        yield
        nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._optimizer.step()
        self._schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """The state to continue from."""
        return {"optimizer": self._optimizer.state_dict(), "schedule": self._schedule.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of another optimizer of the same module and recipe."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])


class Batch(NamedTuple):
    """One batch.

    Attributes:
        images: float32 (B, 3, S, S), from 0 to 1.
        boxes: (B, M, 5): class, x1, y1, x2, y2 in pixels, padded.
        valid: bool (B, M); False for padding.
    """

    images: Tensor
    boxes: Tensor
    valid: Tensor


def batches(split: Split, recipe: Recipe, seed: int, device: str) -> Iterator[Batch]:
    """The ``recipe.steps`` batches of a training, mirrored at random. No image repeats before all have been used.

    Args:
        split: Images to train on.
        recipe: Constants of the training.
        seed: Seed of the order of the images and of the mirroring.
        device: Torch device of the batches.
    """
    truths, valid = pad(split.boxes)
    for chosen, flips in _batch_indices(len(split.images), recipe, seed):
        images, boxes = mirror(split.images[chosen], truths[chosen], flips)
        images = images.to(device, memory_format=torch.channels_last).float().div_(255)
        yield Batch(images, boxes.to(device), valid[chosen].to(device))


def set_prior(network: Network, prior: float, spread: float) -> None:
    """Set the biases of an untrained head, and so its first predictions.

    The usual biases assume five objects in 640 x 640 pixels and box sides of 7.5 cells. At a proxy's image size such
    boxes cover the whole image, and the assignment of the first steps is noise.

    Args:
        network: The network.
        prior: Predicted probability of every class.
        spread: Predicted sides of the boxes in cells, approximately: the logits of a side fall by 1 / ``spread``
            from bin to bin.
    """
    head = cast(Detect, network.model[-1])
    for box, cls in zip(head.cv2, head.cv3, strict=True):
        sides, classes = (cast(nn.Conv2d, cast(nn.Sequential, branch)[-1]).bias for branch in (box, cls))
        assert sides is not None and classes is not None
        sides.data.copy_((-torch.arange(BINS) / spread).repeat(4))
        classes.data.fill_(math.log(prior / (1 - prior)))


def pad(boxes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Ground truth of N images as one padded tensor.

    Args:
        boxes: By image, (m, 5): class, x1, y1, x2, y2.

    Returns:
        The boxes (N, M, 5), and a bool mask (N, M) that is False for padding.
    """
    most = max((len(rows) for rows in boxes), default=0)
    truths, valid = torch.zeros(len(boxes), most, 5), torch.zeros(len(boxes), most, dtype=torch.bool)
    for image, rows in enumerate(boxes):
        truths[image, : len(rows)], valid[image, : len(rows)] = rows, True
    return truths, valid


def mirror(images: Tensor, boxes: Tensor, flips: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror images and their boxes left to right.

    Args:
        images: (B, 3, S, S).
        boxes: (B, M, 5): class, x1, y1, x2, y2 in pixels.
        flips: bool (B,); True for the images to mirror.

    Returns:
        Images and boxes of the same shapes.
    """
    x1, x2 = boxes[..., 1], boxes[..., 3]
    side = images.shape[-1]
    mirrored = torch.stack((boxes[..., 0], side - x2, boxes[..., 2], side - x1, boxes[..., 4]), -1)
    picked = flips[:, None, None]
    return torch.where(picked[..., None], images.flip(-1), images), torch.where(picked, mirrored, boxes)


def _batch_indices(images: int, recipe: Recipe, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For each batch, the numbers of its images and a mask of the images to mirror."""
    generator = torch.Generator().manual_seed(seed)
    queue = torch.empty(0, dtype=torch.long)
    for _ in range(recipe.steps):
        while len(queue) < recipe.batch:
            queue = torch.cat((queue, torch.randperm(images, generator=generator)))
        chosen, queue = queue[: recipe.batch], queue[recipe.batch :]
        flips = torch.rand(recipe.batch, generator=generator) < 0.5
        yield chosen, flips & recipe.flip


def _parameter_groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weight decay applies to weights, not to the vectors: norms and biases."""
    matrices = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def _lr_share(step: int, recipe: Recipe) -> float:
    """Learning rate of a step as a share of its peak."""
    warmup = max(1, round(recipe.warmup * recipe.steps))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, recipe.steps - warmup)))
