"""Corresponding channels of a feature map of a member and of its teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

NONE = -1
"""Stands for the teacher's channel where the member has a channel that the teacher lacks."""


class Channels(NamedTuple):
    """The teacher's channel for each channel of the member.

    Attributes:
        theirs: int64 (C,), the teacher's channel that the member's channel stands for; `NONE` if there is none.
        total: Number of the teacher's channels.
    """

    theirs: Tensor
    total: int


def first(count: int, total: int) -> Channels:
    """The member's channels are the teacher's first ones, in the same order."""
    order = torch.arange(count)
    return Channels(torch.where(order < total, order, NONE), total)


def joined(parts: Sequence[Channels]) -> Channels:
    """Channels of maps that are concatenated."""
    found, before = [], 0
    for part in parts:
        found.append(torch.where(part.theirs == NONE, NONE, part.theirs + before))
        before += part.total
    return Channels(torch.cat(found), before)


def most_important(importance: Tensor, count: int) -> Channels:
    """The teacher's most important channels, in the teacher's order.

    The choice is nested: the channels of a narrower member are among those of a wider one.

    Args:
        importance: (T,), one number for each channel of the teacher.
        count: Channels of the member.
    """
    total = len(importance)
    if count >= total:
        return first(count, total)
    return Channels(importance.argsort(descending=True, stable=True)[:count].sort().values, total)
