"""What a search may vary of an operator, and how a choice becomes a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Number = int | float
Row = tuple[int, str, tuple[Any, ...]]
"""Repeats, module and arguments of a row; the input is the row before it."""
WriteRow = Callable[[str, int, int, Mapping[str, Number]], Row]
"""A row of a shell, channels, a depth and parameters."""


@dataclass(frozen=True)
class Parameter:
    """A numeric choice of an operator.

    ``letter`` stands for it in architecture strings. A ``divisor`` has to divide the widths inside the block; one that
    does not is repaired by `Family.canonical`, and so is a ``capped`` one above the widest of them, where a larger
    value changes nothing. Values lie in [low, high]; integers only where ``low`` is one; an ``odd`` one may also be 0.
    """

    letter: str
    low: Number
    high: Number
    divisor: bool
    meaning: str
    capped: bool = False
    odd: bool = False

    @property
    def range(self) -> str:
        """What it accepts, in words."""
        kind = "odd numbers" if self.odd else "whole numbers" if isinstance(self.low, int) else "numbers"
        return f"{kind} from {self.low} to {self.high}"

    def accepts(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.odd and value and value % 2 == 0:
            return False
        return self.low <= value <= self.high and (isinstance(value, int) or not isinstance(self.low, int))

    def repaired(self, value: Number, widths: Sequence[int]) -> Number:
        """What stands for ``value`` where the block has these inner widths."""
        if self.divisor:
            return math.gcd(int(value), *widths)
        return _plain(min(value, max(widths)) if self.capped else value)


@dataclass(frozen=True)
class Family:
    """An operator that a stage may use: a block in one or several shells, with parameters.

    ``row(shell, channels, depth, parameters)`` writes the stage as one row. ``widths(width, parameters)`` lists the
    channel counts that every divisor must divide when the block runs at ``width`` channels. ``neck_row`` writes it in a
    neck, where stock stages have no shortcuts; without one it is ``row``. ``entry_divisor`` names the parameter that
    narrows the convolution before a backbone stage, where a stock block can widen again. ``only_size``: all that it
    saves is bytes of weights, so that it is searched only under a limit on them.
    """

    key: str
    title: str
    shells: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    row: WriteRow
    widths: Callable[[int, Mapping[str, Number]], tuple[int, ...]]
    neck_row: WriteRow | None = None
    entry_divisor: str = ""
    only_size: bool = False

    def entry(self, channels: int, parameters: Mapping[str, Number]) -> int:
        """The width of the convolution before a backbone stage that gives these channels."""
        return channels // int(parameters.get(self.entry_divisor, 1))

    def modules(self) -> list[str]:
        """The modules that its rows are of."""
        lowest = {name: parameter.low for name, parameter in self.parameters.items()}
        wide = 64  # which every lowest value carries
        return [self.row(shell, wide, 1, self.canonical(shell, wide, lowest))[1] for shell in self.shells]

    def canonical(self, shell: str, channels: int, parameters: Mapping[str, Number]) -> dict[str, Number]:
        """The parameters in declared order, each divisor repaired to the largest one that the inner widths carry, and
        each capped one to the widest of them.

        This is the only place where choices are repaired, so equal models have equal architecture strings.
        """
        width = channels // 2 if shell == "csp" else channels
        inner = self.widths(width, parameters)
        return {name: declared.repaired(parameters[name], inner) for name, declared in self.parameters.items()}


def block_row(plain: str, csp: str) -> WriteRow:
    """How a block of ours is written: alone, repeated by the row, or in the CSP shell, repeated inside."""

    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        values = tuple(parameters.values())
        return (1, csp, (channels, depth, *values)) if shell == "csp" else (depth, plain, (channels, *values))

    return row


def _plain(value: Number) -> Number:
    """2.0 and 2 are the same choice and are written the same way."""
    return int(value) if float(value).is_integer() else float(value)
