"""Blocks that keep their channels, and their C2f-like CSP form."""

from __future__ import annotations

import hashlib
import inspect
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import ModelError
from nas.operators.base import Cost, Grid, KeepingOperator
from nas.operators.family import Widths, one_width
from nas.operators.shell import shell_costs

if TYPE_CHECKING:
    from torch import nn


class BlockOperator(KeepingOperator):
    """A single block. Row arguments: [channels, *the block's parameters].

    `nas.operators.registration.register` derives the block's CSP form and its searchable family.

    Attributes:
        csp_name: Row kind of the CSP form. Default: "CSP" and the block's name.
        csp_example: Row arguments of the CSP form for 16 channels. Default: made from the parameters' defaults.
        widths: Static method of (width, parameters): the channel counts that every divisor parameter must divide.
    """

    csp_name: str = ""
    csp_example: tuple[Any, ...] = ()
    widths: Widths = staticmethod(one_width)

    def __init__(self) -> None:
        super().__init__()
        self.csp_name = self.csp_name or f"CSP{self.name}"


class ModuleBlock(BlockOperator):
    """A user's block: a torch module with a static method ``costs``, declared outside of this package."""

    def __init__(self, module: type[nn.Module]) -> None:
        self.name = module.__name__
        super().__init__()
        self._module = module
        self.class_name, self.declared_in = module.__name__, module.__module__
        costs: Any = getattr(module, "costs", None)  # `check_block` refuses a block without
        self.costs = costs
        self.widths: Widths = getattr(module, "widths", one_width)
        self.example, self.csp_example = getattr(module, "example", ()), getattr(module, "csp_example", ())
        try:
            content = Path(inspect.getfile(module)).read_bytes()
        except (TypeError, OSError):
            hint = "write it to a file: other processes import it from there"
            raise ModelError("is not declared in a file", field=self.name, hint=hint) from None
        self.source = hashlib.sha256(content).hexdigest()[:8]

    @cached_property
    def module(self) -> type[nn.Module]:
        return self._module

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self._module)


class CSPOperator(KeepingOperator):
    """The CSP form of a block: n blocks at half the channels in the shell of C2f.

    Row arguments: [channels, n, *the block's parameters]. The class of the torch module is derived, and belongs to the
    module that declares the block.
    """

    depth_argument = 1

    def __init__(self, block: BlockOperator) -> None:
        self.name = block.csp_name
        super().__init__()
        self.block, self.class_name, self.declared_in = block, block.csp_name, block.declared_in
        self.example, self.source = block.csp_example, block.source

    def costs(self, channels: int, n: int, *parameters: Any, grid: Grid) -> list[Cost]:
        half = channels // 2
        return shell_costs(channels, channels, half, n, grid, self.block.costs(half, *parameters, grid=grid))

    @cached_property
    def module(self) -> type[nn.Module]:
        from nas.operators.modules.shell import csp_form

        return csp_form(self.block.module, self.class_name, self.declared_in, self.signature)

    @cached_property
    def signature(self) -> inspect.Signature:
        block = list(self.block.signature.parameters.values())
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        channels, n = (inspect.Parameter(name, kind, annotation=int) for name in ("channels", "n"))
        return inspect.Signature([channels, n, *block[1:]])
