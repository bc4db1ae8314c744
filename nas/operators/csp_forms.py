"""The CSP stages that people paste into YOLO: C3, C2f and C3k2 round FasterNet, HetConv, PConv and DualConv blocks.

They are literal: no norm, activation or residual where the pasted code has none (facts: operators.md, sections 1.2 and
2.5), so that a search can be compared with what is done by hand. The searched blocks of this package have all three.
They change channels like the stages whose place they take: repeats and input channels are inserted into the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from nas.operators.base import Cost, Shape, StockOperator, conv_cost
from nas.operators.c3 import C3Shell, c3_shell_costs
from nas.operators.conv import Conv
from nas.operators.dual import DualConv, dual_cost
from nas.operators.faster import FasterBlock, FasterBlockOperator, PConv
from nas.operators.het import HetConv, het_cost
from nas.operators.shell import Shell, shell_costs

PARTS = 4
"""P, n_div and G of all pasted forms."""


class DualBottleneck(nn.Module):
    """A k x k `Conv` and a bare `DualConv`, with a shortcut round both if wanted. (B, c, H, W) kept."""

    def __init__(self, c: int, shortcut: bool, k: int):
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(c, c, k), DualConv(c, c, PARTS, bare=True), shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv2(self.cv1(x))
        return cast(torch.Tensor, x + y if self.add else y)


class _Block(NamedTuple):
    """What stands in a stage: the module of (width, shortcut, kernel), and its cost of (width, kernel, grid). The
    kernel is that of the first convolution in the bottleneck whose place it takes."""

    build: Callable[[int, bool, int], nn.Module]
    costs: Callable[[int, int, tuple[int, int]], list[Cost]]


def _pconv_cost(c: int, grid: tuple[int, int]) -> Cost:
    return conv_cost(3, c // PARTS, c // PARTS, grid, after="nothing")


FASTER = _Block(
    lambda c, shortcut, k: FasterBlock(c, PARTS, 2),
    lambda c, k, grid: FasterBlockOperator.block_costs(c, PARTS, 2, grid),
)
HET = _Block(
    lambda c, shortcut, k: nn.Sequential(*(HetConv(c, c, PARTS, bare=True) for _ in range(2))),
    lambda c, k, grid: [het_cost(c, c, PARTS, grid, bare=True)] * 2,
)
PC = _Block(
    lambda c, shortcut, k: nn.Sequential(PConv(c, PARTS), PConv(c, PARTS)),
    lambda c, k, grid: [_pconv_cost(c, grid)] * 2,
)
DUAL = _Block(
    lambda c, shortcut, k: DualBottleneck(c, shortcut, k),
    lambda c, k, grid: [conv_cost(k, c, c, grid), dual_cost(c, c, PARTS, grid, bare=True)],
)


class _C2fForm(Shell):
    """C2f round another block. Row arguments: [c2, shortcut=False, g=1, e=0.5]; g has no effect."""

    block: _Block

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = False, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: self.block.build(hidden, shortcut, 3))


class _C3Form(C3Shell):
    """C3 round another block. Row arguments: [c2, shortcut=True, g=1, e=0.5]; g has no effect."""

    block: _Block

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: self.block.build(hidden, shortcut, 1))


class _C3k2Form(Shell):
    """C3k2 round another block, with ``c3k`` two of them in a C3 shell. Row arguments: [c2, c3k=False, e=0.5,
    attn=False, g=1, shortcut=True]; attn and g have no effect."""

    block: _Block

    def __init__(
        self,
        c1: int,
        c2: int,
        n: int = 1,
        c3k: bool = False,
        e: float = 0.5,
        attn: bool = False,
        g: int = 1,
        shortcut: bool = True,
    ):
        hidden = int(c2 * e)

        def build() -> nn.Module:
            if not c3k:
                return self.block.build(hidden, shortcut, 3)
            half = hidden // 2
            return C3Shell(hidden, hidden, half, 2, lambda: self.block.build(half, shortcut, 3))

        super().__init__(c1, c2, hidden, n, build)


class C2fFaster(_C2fForm):
    """C2f round FasterNet blocks."""

    block = FASTER


class CSPHet(_C2fForm):
    """C2f round pairs of bare HetConvs, linear and without a shortcut."""

    block = HET


class CSPPC(_C2fForm):
    """C2f round pairs of PConvs, linear and without a shortcut: three channels in four pass the pair untouched."""

    block = PC


class C2fDual(_C2fForm):
    """C2f round bottlenecks whose second convolution is a bare DualConv."""

    block = DUAL


class C3Faster(_C3Form):
    """C3 round FasterNet blocks."""

    block = FASTER


class C3Het(_C3Form):
    """C3 round pairs of bare HetConvs."""

    block = HET


class C3PC(_C3Form):
    """C3 round pairs of PConvs."""

    block = PC


class C3Dual(_C3Form):
    """C3 round bottlenecks of a 1x1 convolution and a bare DualConv."""

    block = DUAL


class C3k2Faster(_C3k2Form):
    """C3k2 round FasterNet blocks."""

    block = FASTER


class C3k2Het(_C3k2Form):
    """C3k2 round pairs of bare HetConvs."""

    block = HET


class C3k2PC(_C3k2Form):
    """C3k2 round pairs of PConvs."""

    block = PC


class C3k2Dual(_C3k2Form):
    """C3k2 round bottlenecks whose second convolution is a bare DualConv."""

    block = DUAL


class CSPFormOperator(StockOperator):
    """One of the above as a row kind, under the name that people give it."""

    example = (32, True)
    depth_argument = 2

    def __init__(self, name: str, module: type[_C2fForm] | type[_C3Form] | type[_C3k2Form]):
        self.name, self.module, self.block = name, module, module.block

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        c1, c2, n, flag, *rest = self.filled(arguments)
        grid = inputs[0][1:]
        if issubclass(self.module, _C3k2Form):
            hidden = int(c2 * rest[0])
            block = self.block.costs(hidden // 2 if flag else hidden, 3, grid)
            inside = c3_shell_costs(hidden, hidden, hidden // 2, 2, grid, block) if flag else block
            return shell_costs(c1, c2, hidden, n, grid, inside)
        hidden = int(c2 * rest[1])
        if issubclass(self.module, _C3Form):
            return c3_shell_costs(c1, c2, hidden, n, grid, self.block.costs(hidden, 1, grid))
        return shell_costs(c1, c2, hidden, n, grid, self.block.costs(hidden, 3, grid))


CSP_FORMS = tuple(
    CSPFormOperator(name, module)
    for name, module in {
        "C2f_Faster": C2fFaster,
        "CSPHet": CSPHet,
        "CSPPC": CSPPC,
        "C2f_Dual": C2fDual,
        "C3_Faster": C3Faster,
        "C3_Het": C3Het,
        "C3_PC": C3PC,
        "C3_Dual": C3Dual,
        "C3k2_Faster": C3k2Faster,
        "C3k2_Het": C3k2Het,
        "C3k2_PC": C3k2PC,
        "C3k2_Dual": C3k2Dual,
    }.items()
)
