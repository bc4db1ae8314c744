"""The key ``activation`` of a model YAML: the activation of the trainer's own convolutions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from nas.errors import ModelError
from nas.operators.activations import ACTIVATIONS

if TYPE_CHECKING:
    from torch import nn

DEFAULT = "nn.SiLU()"


def read_activation(key: Any) -> str:
    """The activation that the key names: ``nn.ReLU()``, with numbers if it takes some; empty for SiLU.

    Args:
        key: The value in the YAML; None: there is no such key.

    Raises:
        ModelError: It is no activation that we build.
    """
    if key is None:
        return ""
    try:
        name, arguments = _parsed(str(key))
    except (SyntaxError, ValueError):
        known = ", ".join(f"nn.{name}()" for name in ACTIVATIONS)
        raise ModelError(f"{key!r} is not built here", field="activation", hint=f"give one of {known}") from None
    spelled = f"nn.{name}({', '.join(map(repr, arguments))})"
    return "" if spelled == DEFAULT else spelled


def activation(spelled: str) -> Callable[[], nn.Module]:
    """A function that makes the activation; imports torch.

    Args:
        spelled: From `read_activation`.
    """
    from torch import nn

    name, arguments = _parsed(spelled or DEFAULT)
    return partial(getattr(nn, name), *arguments)


def _parsed(text: str) -> tuple[str, list[float]]:
    """Name and arguments; raises ValueError or SyntaxError if it is no call of an activation with numbers."""
    call = ast.parse(text.strip(), mode="eval").body
    if not isinstance(call, ast.Call) or call.keywords:
        raise ValueError
    path = ast.unparse(call.func).removeprefix("torch.")
    name, arguments = path.removeprefix("nn."), [ast.literal_eval(argument) for argument in call.args]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in arguments)
    if not path.startswith("nn.") or name not in ACTIVATIONS or len(arguments) > _numbers(name) or not numbers:
        raise ValueError
    return name, arguments


def _numbers(name: str) -> int:
    """Number of numbers that an activation takes."""
    return sum(isinstance(default, float) for default in ACTIVATIONS[name].values())
