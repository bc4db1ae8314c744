"""Channel shuffle.

Source: Zhang et al., "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices", CVPR 2018,
section 3.1.
"""

from __future__ import annotations

import torch


def channel_shuffle(x: torch.Tensor, groups: int) -> torch.Tensor:
    """Take the channels of ``groups`` equal groups in turn. (B, C, H, W) to (B, C, H, W).

    8 channels in 2 groups become 0, 4, 1, 5, 2, 6, 3, 7. Shuffling with C / groups undoes it.
    """
    batch, channels, height, width = x.shape
    return x.view(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)
