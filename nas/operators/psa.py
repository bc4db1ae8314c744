"""Partial self-attention: C2PSA of YOLO11 and PSA of YOLOv10.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape, StockOperator, conv_cost
from nas.operators.registration import register


def psa_heads(channels: int) -> int:
    """Heads of the stock blocks: one for every 64 channels; raises ValueError if they do not divide the channels."""
    heads = max(channels // 64, 1)
    if channels % heads:
        raise ValueError(f"partial self-attention: {heads} heads, one for every 64 channels, must divide {channels}")
    return heads


def psa_hidden(c1: int, c2: int, e: float = 0.5) -> int:
    """Width inside; raises ValueError if the channels change."""
    if c1 != c2:
        raise ValueError(f"partial self-attention keeps its channels: {c1} in, {c2} out")
    return int(c1 * e)


def attention_cost(heads: int, key: int, value: int, tokens: int, areas: int = 1) -> Cost:
    """Cost of the two matrix products of attention.

    Args:
        heads: Number of heads.
        key: Channels of a head's queries and keys.
        value: Channels of a head's values.
        tokens: Positions of the map.
        areas: Runs of tokens; each attends to itself only.

    Returns:
        The cost for one image.
    """
    pairs = tokens * tokens // areas
    # Read: query and key, weights and value. Written: weights, output.
    access = heads * (2 * tokens * key + pairs + pairs + 2 * tokens * value)
    return Cost(0, heads * pairs * (key + value), access, 0)


def psa_block_costs(c: int, heads: int, grid: Grid) -> list[Cost]:
    """Convolutions and matrix products of a `PSABlock` with ratio 1/2."""
    value = c // heads
    key = value // 2
    return [
        conv_cost(1, c, c + 2 * heads * key, grid),
        conv_cost(1, c, c, grid),
        conv_cost(3, c, c, grid, c),
        conv_cost(1, c, 2 * c, grid),
        conv_cost(1, 2 * c, c, grid),
        attention_cost(heads, key, value, grid[0] * grid[1]),
    ]


class PartialAttentionOperator(StockOperator):
    """Attention on a part of the channels, which stay as many."""

    example = (16, 0.5)

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        psa_heads(psa_hidden(inputs[0][0], *args))
        return super().resolve(inputs, repeats, args)


@register()
class C2PSAOperator(PartialAttentionOperator):
    """Row arguments: [c2, e=0.5]."""

    depth_argument = 2

    @staticmethod
    def costs(c1: int, c2: int, n: int = 1, e: float = 0.5, *, grid: Grid) -> list[Cost]:
        hidden = int(c2 * e)
        block = psa_block_costs(hidden, psa_heads(hidden), grid)
        return [conv_cost(1, c2, 2 * hidden, grid), conv_cost(1, 2 * hidden, c2, grid), *block * n]


@register()
class PSAOperator(PartialAttentionOperator):
    """Row arguments: [c2, e=0.5]."""

    @staticmethod
    def costs(c1: int, c2: int, e: float = 0.5, *, grid: Grid) -> list[Cost]:
        return C2PSAOperator.costs(c1, c2, 1, e, grid=grid)
