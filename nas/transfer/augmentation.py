"""Random zoom, shift and brightness, for trainings on few images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nas.proxies.train import Batch

ZOOM = (0.7, 1.3)
SHIFT = 0.2
"""Largest shift, as a share of the side."""
BRIGHTNESS = (0.75, 1.25)
LEAST_VISIBLE = 0.3
"""Share of a box's area that must stay inside the image; otherwise the box is dropped."""
LEAST_AREA = 16.0
"""Smallest area of a box in pixels."""
GRAY = 114 / 255
"""Value of the padding, as in the trainers."""


def augment(batch: Batch, generator: torch.Generator) -> Batch:
    """Zoom, shift and brighten every image of a batch at random, with its boxes.

    Args:
        batch: The batch.
        generator: Source of the random numbers, on the CPU.

    Returns:
        A batch of the same shapes.
    """
    images, count, side = batch.images, len(batch.images), batch.images.shape[-1]
    zoom = _uniform(count, ZOOM, generator)
    shift = torch.rand(count, 2, generator=generator).mul(2).sub(1) * (2 * SHIFT)  # in half sides
    gain = _uniform(count, BRIGHTNESS, generator).to(images.device)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / zoom
    matrix[:, :, 2] = -shift / zoom[:, None]
    grid = F.affine_grid(matrix.to(images.device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images - GRAY, grid, align_corners=False) + GRAY
    moved = (moved * gain[:, None, None, None]).clamp(0, 1).contiguous(memory_format=torch.channels_last)
    corners = batch.boxes[..., 1:] / side * 2 - 1
    scale, offset = zoom.to(corners.device)[:, None, None], torch.cat((shift, shift), 1).to(corners.device)[:, None]
    corners = (corners * scale + offset + 1) / 2 * side
    visible = corners.clamp(0, side)
    area, before = _area(visible), _area(corners)
    valid = batch.valid & (area > LEAST_VISIBLE * before) & (area > LEAST_AREA)
    return Batch(moved, torch.cat((batch.boxes[..., :1], visible), -1), valid)


def _uniform(count: int, bounds: tuple[float, float], generator: torch.Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(count, generator=generator)


def _area(corners: Tensor) -> Tensor:
    return (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])
