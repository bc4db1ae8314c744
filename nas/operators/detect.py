"""The anchor-free detection head of YOLOv8, and the base of all heads."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from nas.operators.base import Call, Cost, Grid, Operator, Shape, conv_cost
from nas.operators.registration import register

BINS = 16
"""Bins of the distribution of a box side (reg_max): a side is at most 15 cells long."""
DEPTH = 2
"""3x3 convolutions of each branch of the trainers' heads."""


def hidden_widths(nc: int, first: int, bins: int = BINS) -> tuple[int, int]:
    """Hidden channels of the box branches and the class branches of `Detect`.

    Args:
        nc: Number of classes.
        first: Channels of the map that is listed first; both widths follow them.
        bins: Bins of the distribution of a box side.

    Returns:
        Width of the box branches, width of the class branches.
    """
    return max(16, first // 4, 4 * bins), max(first, min(nc, 100))


class HeadOperator(Operator):
    """A detection head. It reads any number of maps; their strides are those of the graph.

    The static method `costs` takes, instead of ``grid``, the keyword ``grids``: height and width of each map. The
    constructor of the module takes the keyword ``strides``, which changes neither cost nor latency.
    """

    is_head = True
    many = True

    @cached_property
    def row_signature(self) -> inspect.Signature:
        declared = self.signature.parameters.values()
        return self.signature.replace(parameters=[p for p in declared if p.name != "channels"])

    def points(self, inputs: Sequence[Shape]) -> int:
        """Number of cells of all maps."""
        return sum(height * width for _, height, width in inputs)

    def row_costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        return self.costs(*self.filled(arguments), grids=tuple(shape[1:] for shape in inputs))


class DistributionHead(HeadOperator):
    """A head that predicts, for each cell, a box and ``nc`` class scores. Row arguments: [nc, *the head's]."""

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        nc, *rest = args
        if nc < 1:
            raise ValueError(f"nc must be 1 or more, not {nc}")
        points = self.points(inputs)
        return Call((nc, tuple(shape[0] for shape in inputs), *rest), repeats, (4 + nc, points, 1))


@register()
class DetectOperator(DistributionHead):
    """Row arguments: [nc, legacy=True, bins=16]."""

    @staticmethod
    def costs(
        nc: int, channels: Sequence[int], legacy: bool = True, bins: int = BINS, *, grids: Sequence[Grid]
    ) -> list[Cost]:
        return detect_costs(nc, channels, grids, legacy, bins, hidden_widths(nc, channels[0], bins))


def detect_costs(
    nc: int,
    channels: Sequence[int],
    grids: Sequence[Grid],
    legacy: bool,
    bins: int,
    widths: tuple[int, int],
    groups: int = 1,
    depth: int = DEPTH,
) -> list[Cost]:
    """Costs of a head with box and class branches.

    Args:
        nc: Number of classes.
        channels: Channels of each map.
        grids: Height and width of each map.
        legacy: The class branches have dense 3x3 convolutions; otherwise depthwise ones, each followed by a 1x1.
        bins: Bins of the distribution of a box side. With 1 there is no distribution.
        widths: Hidden widths of the branches, see `hidden_widths`.
        groups: Groups of the box convolutions after the first one.
        depth: 3x3 convolutions of each branch.

    Returns:
        Both branches of all maps, then the expected value of the distribution, where there is one.
    """
    box, cls = widths
    costs = []
    for c, size in zip(channels, grids, strict=True):
        costs += [conv_cost(3, c, box, size)] + [conv_cost(3, box, box, size, groups)] * (depth - 1)
        costs.append(conv_cost(1, box, 4 * bins, size, groups, after="bias"))
        for c1 in (c, *[cls] * (depth - 1)):
            if legacy:
                costs.append(conv_cost(3, c1, cls, size))
            else:
                costs += [conv_cost(3, c1, c1, size, c1), conv_cost(1, c1, cls, size)]
        costs.append(conv_cost(1, cls, nc, size, after="bias"))
    # The frozen kernel of the expected value runs over the 4 sides of every cell.
    cells = sum(height * width for height, width in grids)
    return [*costs, conv_cost(1, bins, 1, (4, cells), after="nothing")] if bins > 1 else costs
