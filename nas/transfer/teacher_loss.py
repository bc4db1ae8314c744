"""The loss of a student that learns from a teacher and from the boxes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from nas.detectors.network import Network
from nas.operators.modules.detect import Predictions
from nas.proxies.loss import DetectionLoss
from nas.proxies.recipe import Recipe
from nas.proxies.train import Batch
from nas.transfer.distillation import distillation_loss

HARD = 0.5
"""Weight of the detection loss beside the distillation loss."""


class TeacherLoss:
    """Distillation loss, and half of the detection loss.

    Args:
        teacher: The trained network; its parameters and statistics stay unchanged.
        recipe: Constants of the training.
        device: Torch device.
    """

    def __init__(self, teacher: Network, recipe: Recipe, device: str = "cpu"):
        self.teacher = _fixed(teacher.to(device))
        self._loss = DetectionLoss(recipe.imgsz, teacher.strides, topk=recipe.topk, device=device)

    @torch.no_grad()
    def targets(self, images: Tensor) -> Predictions:
        """The teacher's outputs for images (B, 3, S, S) in 0..1."""
        return cast(Predictions, self.teacher(images))

    def __call__(self, found: Predictions, targets: Predictions, batch: Batch) -> Tensor:
        """The loss of a student's outputs; a scalar."""
        hard = self._loss(found.boxes, found.scores, batch.boxes, batch.valid).total
        return HARD * hard + distillation_loss(found, targets)


def _fixed(teacher: Network) -> Network:
    """The teacher in training mode, for raw outputs, with fixed norms and parameters."""
    teacher.train().requires_grad_(False)
    for part in teacher.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
    return teacher
