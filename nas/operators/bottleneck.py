"""Closed-form cost of the bottleneck inside C3, C2f and their descendants."""

from __future__ import annotations

from nas.operators.base import Cost, Grid, conv_cost
from nas.operators.registration import serve_classes


def bottleneck_costs(
    c1: int, c2: int, grid: Grid, g: int = 1, k: tuple[int, int] = (3, 3), e: float = 0.5
) -> list[Cost]:
    """Costs of the two convolutions of a `Bottleneck`."""
    hidden = int(c2 * e)
    return [conv_cost(k[0], c1, hidden, grid), conv_cost(k[1], hidden, c2, grid, g)]


serve_classes(__name__)
