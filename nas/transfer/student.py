"""Student: a network that is trained for a few steps to give its teacher's outputs."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch

from nas.data.dataset import Dataset
from nas.detectors.network import Network
from nas.operators.modules.detect import Predictions
from nas.progress import Progress, silent
from nas.proxies.detections import detect
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.train import ScheduledOptimizer, batches
from nas.transfer.augmentation import augment
from nas.transfer.recalibration import image_batches, recalibrate
from nas.transfer.teacher_loss import TeacherLoss

RECIPE = Recipe(steps=240, lr=3e-4)
"""Constants of the training."""


class StudentScores(NamedTuple):
    """AP50-95 on the validation split.

    Attributes:
        before: Before the training, with the norms recomputed.
        after: After it.
        jackknife: After it, without one group of images each, see `nas.proxies.detections.Detections.jackknife`.
    """

    before: float
    after: float
    jackknife: tuple[float, ...] = ()


def train_student(
    network: Network,
    teacher: Network,
    dataset: Dataset,
    recipe: Recipe = RECIPE,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> StudentScores:
    """Train a network in place as a teacher's student. A training that lowers its AP is undone.

    Args:
        network: The network, with its starting weights; left in eval mode.
        teacher: The trained network.
        dataset: Images and boxes.
        recipe: Constants of the training; 0 steps: the norms are recomputed, and nothing is trained.
        seed: Seed of the order of images and of their augmentation.
        device: Torch device.
        progress: Receives the share done.

    Raises:
        ProxyError: The loss is not finite, or no validation image has a box.
    """
    images = image_batches(dataset.train, device=device)
    recalibrate(network.to(device), images)
    first = detect(network, dataset.val, recipe, device=device)
    before = first.score(dataset.nc)
    if not recipe.steps:
        return StudentScores(before, before, first.jackknife(dataset.nc))
    start = {key: value.clone() for key, value in network.state_dict().items()}
    _distill(network, teacher.to(device), dataset, recipe, seed, device, progress)
    recalibrate(network, images)
    second = detect(network, dataset.val, recipe, device=device)
    after = second.score(dataset.nc)
    if after < before:
        network.load_state_dict(start)
        network.eval()
        return StudentScores(before, before, first.jackknife(dataset.nc))
    return StudentScores(before, after, second.jackknife(dataset.nc))


def _distill(
    network: Network, teacher: Network, dataset: Dataset, recipe: Recipe, seed: int, device: str, progress: Progress
) -> None:
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = recipe.momentum
    network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    loss, optimizer = TeacherLoss(teacher, recipe, device), ScheduledOptimizer(network, recipe)
    generator = torch.Generator().manual_seed(seed)
    for step, batch in enumerate(batches(dataset.train, recipe, seed, device)):
        augmented = augment(batch, generator)
        found = cast(Predictions, network(augmented.images))
        value = loss(found, loss.targets(augmented.images), augmented)
        if not math.isfinite(shown := value.item()):
            raise ProxyError(f"the training loss became {shown} at step {step + 1} of {recipe.steps}")
        optimizer.step(value)
        progress((step + 1) / recipe.steps)
