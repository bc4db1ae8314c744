"""What a search may vary of an operator, and how a choice becomes a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Number = int | float
Row = tuple[int, str, tuple[Any, ...]]
"""Repeats, module and arguments of a row; the input is the row before it."""


@dataclass(frozen=True)
class Parameter:
    """A numeric choice of an operator.

    ``letter`` stands for it in architecture strings. A ``divisor`` has to divide the widths inside the block; one that
    does not is repaired by `Family.canonical`. Values lie in [low, high]; integers only where ``low`` is one.
    """

    letter: str
    low: Number
    high: Number
    divisor: bool
    meaning: str

    def accepts(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and (isinstance(value, int) or not isinstance(self.low, int))


@dataclass(frozen=True)
class Family:
    """An operator that a stage may use: a block in one or several shells, with parameters.

    ``row(shell, channels, depth, parameters)`` writes the stage as one row. ``widths(width, parameters)`` lists the
    channel counts that every divisor must divide when the block runs at ``width`` channels.
    """

    key: str
    title: str
    shells: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    row: Callable[[str, int, int, Mapping[str, Number]], Row]
    widths: Callable[[int, Mapping[str, Number]], tuple[int, ...]]

    def canonical(self, shell: str, channels: int, parameters: Mapping[str, Number]) -> dict[str, Number]:
        """The parameters in declared order, each divisor repaired to the largest one that the inner widths carry.

        This is the only place where choices are repaired, so equal models have equal architecture strings.
        """
        width = channels // 2 if shell == "csp" else channels
        inner = self.widths(width, parameters)
        return {
            name: math.gcd(int(parameters[name]), *inner) if declared.divisor else _plain(parameters[name])
            for name, declared in self.parameters.items()
        }


def block_row(plain: str, csp: str) -> Callable[[str, int, int, Mapping[str, Number]], Row]:
    """How a block of ours is written: alone, repeated by the row, or in the CSP shell, repeated inside."""

    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        values = tuple(parameters.values())
        return (1, csp, (channels, depth, *values)) if shell == "csp" else (depth, plain, (channels, *values))

    return row


def _plain(value: Number) -> Number:
    """2.0 and 2 are the same choice and are written the same way."""
    return int(value) if float(value).is_integer() else float(value)
