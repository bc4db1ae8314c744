"""The CSP stages that people paste into YOLO: C2f, C3 and C3k2 round FasterNet, HetConv, PConv and DualConv blocks.

The forms are literal, so that a search can be compared with what is done by hand: they have no norm, activation or
shortcut where the pasted code has none. The searched blocks of this package have all three. The forms change channels
like the stages that they replace: the trainer inserts input channels and repeats into the row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from nas.operators.base import Cost, Grid, StockOperator, conv_cost
from nas.operators.c3 import c3_shell_costs
from nas.operators.dual import dual_cost
from nas.operators.faster import FasterBlockOperator, PConvOperator
from nas.operators.het import het_cost
from nas.operators.registration import add
from nas.operators.shell import shell_costs

if TYPE_CHECKING:
    from torch import nn

PARTS = 4
"""P, n_div and G of all forms."""

BlockCosts = Callable[[int, int, Grid], list[Cost]]
"""Costs of a block from its width, the kernel of the first convolution that it replaces, and its grid."""


def _c2f_costs(
    block: BlockCosts,
    c1: int,
    c2: int,
    n: int = 1,
    shortcut: bool = False,
    g: int = 1,
    e: float = 0.5,
    *,
    grid: Grid,
) -> list[Cost]:
    hidden = int(c2 * e)
    return shell_costs(c1, c2, hidden, n, grid, block(hidden, 3, grid))


def _c3_costs(
    block: BlockCosts,
    c1: int,
    c2: int,
    n: int = 1,
    shortcut: bool = True,
    g: int = 1,
    e: float = 0.5,
    *,
    grid: Grid,
) -> list[Cost]:
    hidden = int(c2 * e)
    return c3_shell_costs(c1, c2, hidden, n, grid, block(hidden, 1, grid))


def _c3k2_costs(
    block: BlockCosts,
    c1: int,
    c2: int,
    n: int = 1,
    c3k: bool = False,
    e: float = 0.5,
    attn: bool = False,
    g: int = 1,
    shortcut: bool = True,
    *,
    grid: Grid,
) -> list[Cost]:
    hidden = int(c2 * e)
    inside = block(hidden // 2 if c3k else hidden, 3, grid)
    inside = c3_shell_costs(hidden, hidden, hidden // 2, 2, grid, inside) if c3k else inside
    return shell_costs(c1, c2, hidden, n, grid, inside)


SHELLS: dict[str, Callable[..., list[Cost]]] = {"C2f": _c2f_costs, "C3": _c3_costs, "C3k2": _c3k2_costs}
BLOCKS: dict[str, BlockCosts] = {
    "Faster": lambda c, k, grid: FasterBlockOperator.costs(c, PARTS, 2, grid=grid),
    "Het": lambda c, k, grid: [het_cost(c, c, PARTS, grid, bare=True)] * 2,
    "PC": lambda c, k, grid: PConvOperator.costs(c, PARTS, grid=grid) * 2,
    "Dual": lambda c, k, grid: [conv_cost(k, c, c, grid), dual_cost(c, c, PARTS, grid, bare=True)],
}
NAMES = {("C2f", "Het"): "CSPHet", ("C2f", "PC"): "CSPPC"}
"""Forms that people do not call SHELL_BLOCK."""


class FormOperator(StockOperator):
    """A shell round a block. The row arguments are those of the shell's stock stage; g and attn have no effect."""

    example = (32, True)
    depth_argument = 2

    def __init__(self, shell: str, block: str) -> None:
        self.name = NAMES.get((shell, block), f"{shell}_{block}")
        super().__init__()
        self.shell, self.block = shell, block
        self.class_name = self.name.replace("_", "")
        self.costs = partial(SHELLS[shell], BLOCKS[block])

    @cached_property
    def module(self) -> type[nn.Module]:
        from nas.operators.modules.csp_forms import form

        return form(self.shell, self.block, self.class_name, self.declared_in)


for _shell in SHELLS:
    for _block in BLOCKS:
        add(FormOperator(_shell, _block))
