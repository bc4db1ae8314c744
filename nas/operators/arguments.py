"""Types of row arguments: names of annotations, the values that they accept, and words for messages."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any

Numbers = int | tuple[int, ...]
"""One number, or a list of them."""

Kernels = tuple[int | tuple[int, int], int | tuple[int, int]]
"""Kernels of two convolutions."""

TYPES = {
    "int": "a whole number",
    "int | None": "a whole number or None",
    "float": "a number",
    "float | None": "a number or None",
    "bool": "True or False",
    "bool | None": "True, False or None",
    "str": "a word",
    "Size": "a whole number or a list of two",
    "Size | None": "a whole number, a list of two, or None",
    "Kernels": "a list of two kernels",
    "Numbers": "a whole number or a list of them",
    "Sequence[int]": "a list of whole numbers",
}
"""Annotations of constructors that `fits` knows, in words."""


def fits(value: Any, annotation: str) -> bool:
    """Return True if an argument may have a value; True for an annotation that is not in `TYPES`.

    Args:
        value: The value. Lists are tuples.
        annotation: The annotation in the constructor's declaration.
    """
    kind, _, optional = annotation.partition(" | ")
    if kind not in TYPES or (value is None and (optional or kind == "bool")):
        return True
    match kind:
        case "int":
            return isinstance(value, int)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case "bool":
            return isinstance(value, int)
        case "str":
            return isinstance(value, str)
    if kind == "Kernels":
        return isinstance(value, tuple) and len(value) == 2 and all(fits(kernel, "Size") for kernel in value)
    several = isinstance(value, tuple) and bool(value) and all(isinstance(one, int) for one in value)
    if kind == "Sequence[int]":
        return several
    return isinstance(value, int) or (several and (kind == "Numbers" or len(value) == 2))


def usage(signature: inspect.Signature) -> str:
    """Arguments of a row in words: ``[c2, k=1, s=1]``."""
    return f"[{', '.join(map(_spelled, signature.parameters.values()))}]"


def misfit(signature: inspect.Signature, args: Sequence[Any]) -> str:
    """The reason why row arguments are wrong in number or type; empty if they are not."""
    parameters = list(signature.parameters.values())
    least = sum(parameter.default is parameter.empty for parameter in parameters)
    if not least <= len(args) <= len(parameters):
        return f"takes {usage(signature)}, not {written(args)}"
    for parameter, value in zip(parameters, args, strict=False):
        annotation = str(parameter.annotation)
        if not fits(value, annotation):
            return f"{parameter.name} must be {TYPES[annotation]}, not {written(value)}; it takes {usage(signature)}"
    return ""


def written(value: Any) -> str:
    """A value as a YAML has it: tuples are lists."""
    return f"[{', '.join(map(written, value))}]" if isinstance(value, list | tuple) else repr(value)


def _spelled(parameter: inspect.Parameter) -> str:
    default = parameter.default
    return parameter.name if default is parameter.empty else f"{parameter.name}={written(default)}"
