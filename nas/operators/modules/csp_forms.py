"""Torch modules of the pasted CSP stages, see `nas.operators.csp_forms`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from nas.operators.csp_forms import PARTS
from nas.operators.modules.c3 import C3Shell
from nas.operators.modules.conv import Conv
from nas.operators.modules.dual import DualConv
from nas.operators.modules.faster import FasterBlock, PConv
from nas.operators.modules.het import HetConv
from nas.operators.modules.shell import Shell

Build = Callable[[int, bool, int], nn.Module]
"""Builds a block from its width, a shortcut flag, and the kernel of the first convolution that it replaces."""


class DualBottleneck(nn.Module):
    """A k x k `Conv` and a bare `DualConv`, with an optional shortcut round both. (B, c, H, W) to the same shape."""

    def __init__(self, c: int, shortcut: bool, k: int):
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(c, c, k), DualConv(c, c, PARTS, bare=True), shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv2(self.cv1(x))
        return cast(torch.Tensor, x + y if self.add else y)


class C2fForm(Shell):
    """C2f round another block. Row arguments: [c2, shortcut=False, g=1, e=0.5]; g has no effect."""

    block: Build

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = False, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: self.block(hidden, shortcut, 3))


class C3Form(C3Shell):
    """C3 round another block. Row arguments: [c2, shortcut=True, g=1, e=0.5]; g has no effect."""

    block: Build

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        hidden = int(c2 * e)
        super().__init__(c1, c2, hidden, n, lambda: self.block(hidden, shortcut, 1))


class C3k2Form(Shell):
    """C3k2 round another block; with ``c3k``, round C3 shells of two such blocks.

    Row arguments: [c2, c3k=False, e=0.5, attn=False, g=1, shortcut=True]; attn and g have no effect.
    """

    block: Build

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
                return self.block(hidden, shortcut, 3)
            half = hidden // 2
            return C3Shell(hidden, hidden, half, 2, lambda: self.block(half, shortcut, 3))

        super().__init__(c1, c2, hidden, n, build)


SHELLS: dict[str, type[nn.Module]] = {"C2f": C2fForm, "C3": C3Form, "C3k2": C3k2Form}
BLOCKS: dict[str, Build] = {
    "Faster": lambda c, shortcut, k: FasterBlock(c, PARTS, 2),
    "Het": lambda c, shortcut, k: nn.Sequential(*(HetConv(c, c, PARTS, bare=True) for _ in range(2))),
    "PC": lambda c, shortcut, k: nn.Sequential(PConv(c, PARTS), PConv(c, PARTS)),
    "Dual": DualBottleneck,
}


def form(shell: str, block: str, name: str, namespace: str) -> type[nn.Module]:
    """Derive the class of a form.

    Args:
        shell: Key of `SHELLS`.
        block: Key of `BLOCKS`.
        name: Name of the class.
        namespace: Python module that the class belongs to. Checkpoints find it there.

    Returns:
        The class.
    """
    doc = f"{shell} round blocks of the kind {block}."
    members = {"block": staticmethod(BLOCKS[block]), "__module__": namespace, "__doc__": doc}
    derived = type(name, (SHELLS[shell],), members)
    setattr(sys.modules[namespace], name, derived)
    return derived
