"""The CSP shell of C2f round any block that keeps its channels."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from nas.operators.modules.conv import Conv


class Shell(nn.Module):
    """1x1 to two halves, a chain of blocks on the second, 1x1 over all maps: (B, c1, H, W) to (B, c2, H, W).

    Wiring and state-dict keys (cv1, cv2, m) are those of C2f.

    Args:
        c1: Input channels.
        c2: Output channels.
        hidden: Channels of a half.
        n: Number of blocks.
        block: Builds a block that keeps ``hidden`` channels.
    """

    def __init__(self, c1: int, c2: int, hidden: int, n: int, block: Callable[[], nn.Module]):
        super().__init__()
        self.cv1 = Conv(c1, 2 * hidden, 1)
        self.cv2 = Conv((2 + n) * hidden, c2, 1)
        self.m = nn.ModuleList(block() for _ in range(n))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            maps.append(block(maps[-1]))
        return cast(torch.Tensor, self.cv2(torch.cat(maps, 1)))


class CSPForm(Shell):
    """Base of the derived classes: the shell round ``n`` of their ``block`` at half the channels.

    Args:
        channels: Channels of input and output.
        n: Number of blocks.
        parameters: The block's arguments after the channels.
    """

    block: type[nn.Module]

    def __init__(self, channels: int, n: int, *parameters: Any, **named: Any):
        half = channels // 2
        super().__init__(channels, channels, half, n, lambda: self.block(half, *parameters, **named))


def csp_form(block: type[nn.Module], name: str, namespace: str, signature: inspect.Signature) -> type[nn.Module]:
    """Derive the class of a block's CSP form.

    Args:
        block: The block. Its first argument is its channels.
        name: Name of the derived class.
        namespace: Python module that the class belongs to. Checkpoints find it there.
        signature: Arguments of the derived class.

    Returns:
        The class.
    """
    doc = f"The C2f shell round ``n`` of `{block.__name__}` at half the channels."
    members = {"block": block, "__module__": namespace, "__doc__": doc, "__signature__": signature}
    derived = type(name, (CSPForm,), members)
    setattr(sys.modules[namespace], name, derived)
    return derived
