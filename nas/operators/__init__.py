"""Operators: the stock YOLO blocks and efficient ones, each declared in a file of its own.

The package exports the names that a user's operator needs. They are imported at their first use; importing the package
does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.operators.base import Cost, conv_cost, total
    from nas.operators.family import Parameter
    from nas.operators.modules.conv import Conv
    from nas.operators.registry import register

__all__ = ["Conv", "Cost", "Parameter", "conv_cost", "register", "total"]

_EXPORTS = {
    "Conv": "modules.conv",
    "Cost": "base",
    "Parameter": "family",
    "conv_cost": "base",
    "register": "registry",
    "total": "base",
}
_RETIRED = (
    "BlockOperator",
    "CSPOperator",
    "Family",
    "KeepingOperator",
    "Operator",
    "Shell",
    "StockOperator",
    "block_row",
)
"""Names of the earlier way to declare a user operator."""


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(importlib.import_module(f"nas.operators.{_EXPORTS[name]}"), name)
    if name in _RETIRED:
        from nas.errors import ModelError

        hint = "decorate the torch module with nas.operators.register instead, see docs/own-operator.md"
        raise ModelError("is no longer exported", field=f"nas.operators.{name}", hint=hint)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
