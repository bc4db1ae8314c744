"""Distillation of a detector's outputs."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from nas.operators.modules.detect import Predictions

BOX_GAIN = 1.5
"""Gain of the box term, that of the distribution focal loss in the stock trainers."""


def distillation_loss(student: Predictions, teacher: Predictions) -> Tensor:
    """Difference of two detectors' outputs on the same images; a scalar.

    The class term is the cross-entropy with the teacher's probabilities. The box term is the cross-entropy with the
    teacher's distributions of the sides (Zheng et al., "Localization Distillation for Dense Object Detection", CVPR
    2022, section 3.2), or the absolute difference where the head predicts distances directly. An anchor counts in the
    box term as much as the teacher's most probable class there, so background anchors hardly count.

    Args:
        student: Outputs, with gradients.
        teacher: Outputs of the teacher.
    """
    probabilities = teacher.scores.detach().float().sigmoid()
    weight = probabilities.amax(1)  # (B, A)
    total = weight.sum().clamp(min=1)
    classes = F.binary_cross_entropy_with_logits(student.scores.float(), probabilities, reduction="sum") / total
    sides = _side_loss(student.boxes.float(), teacher.boxes.detach().float())
    return classes + BOX_GAIN * (sides * weight).sum() / total


def _side_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over the sides (B, A) of boxes (B, 4 bins, A)."""
    batch, channels, anchors = student.shape
    if channels == 4:
        return (student - teacher).abs().mean(1)
    own, given = (boxes.view(batch, 4, channels // 4, anchors) for boxes in (student, teacher))
    return -(given.softmax(2) * own.log_softmax(2)).sum(2).mean(1)
