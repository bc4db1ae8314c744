"""Closed-form cost of a grouped 3x3 and a 1x1 convolution of the same input, added: HetConv and DualConv."""

from __future__ import annotations

from nas.operators.base import Cost, Grid


def folds_dense(c1: int, c2: int, groups: int) -> bool:
    """Return True if one dense 3x3 convolution replaces the two kernels in deployment.

    It is as fast or faster on most runtimes (experiments/operators, forms) in two cases: with one group, where no
    weight is left out, and below 64 channels where the width of a group is no multiple of 16, so that onnxruntime
    computes the groups outside of its blocked layout.
    """
    return groups == 1 or (max(c1, c2) < 64 and bool(c1 // groups % 16 or c2 // groups % 16))


def two_kernel_cost(weights: int, c1: int, c2: int, groups: int, grid: Grid, bare: bool) -> Cost:
    """Cost of the two kernels.

    Args:
        weights: Weights of both kernels, as the paper counts them.
        c1: Input channels.
        c2: Output channels.
        groups: Groups of the 3x3 kernel.
        grid: Height and width of the map.
        bare: There is no batch norm.

    Returns:
        Parameters, MACs and memory access by the paper's count. The weight bytes are those of the deployed form, whose
        1x1 kernel is dense.
    """
    cells, norm = grid[0] * grid[1], 0 if bare else c2
    stored = 9 * c1 * c2 if folds_dense(c1, c2, groups) else 9 * c1 * c2 // groups + c1 * c2
    return Cost(weights + 2 * norm, weights * cells, cells * (c1 + c2) + weights, 4 * (stored + norm))
