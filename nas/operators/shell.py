"""Closed-form cost of the CSP shell of C2f."""

from __future__ import annotations

from nas.operators.base import Cost, Grid, conv_cost


def shell_costs(c1: int, c2: int, hidden: int, n: int, grid: Grid, block: list[Cost]) -> list[Cost]:
    """Costs of the shell's two convolutions and of ``n`` blocks, each of the costs ``block``."""
    return [conv_cost(1, c1, 2 * hidden, grid), conv_cost(1, (2 + n) * hidden, c2, grid), *block * n]
