"""Search choices of an operator, and the rows that they write."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Number = int | float
Row = tuple[int, str, tuple[Any, ...]]
"""Repeats, module and arguments of a row that reads the row before it."""
WriteRow = Callable[[str, int, int, Mapping[str, Number]], Row]
"""Writes a row from a shell, channels, a depth and parameters."""
Widths = Callable[[int, Mapping[str, Number]], tuple[int, ...]]
"""Lists the channel counts that divisors must divide, from a block's width and its parameters."""


@dataclass(frozen=True)
class Parameter:
    """A numeric choice of an operator.

    Args:
        letter: Stands for the parameter in architecture strings, such as "r" in ``faster_r4``.
        low: Lowest value. Where it is an int, only whole numbers are accepted.
        high: Highest value.
        divisor: The value must divide the widths inside the block. `Family.canonical` repairs one that does not.
        meaning: One line for space files and reports.
        capped: A value above the widest inner width changes nothing. `Family.canonical` lowers it to that width.
        odd: Only odd numbers, and 0 where ``low`` is 0.
    """

    letter: str
    low: Number
    high: Number
    divisor: bool = field(default=False, kw_only=True)
    meaning: str = field(default="", kw_only=True)
    capped: bool = field(default=False, kw_only=True)
    odd: bool = field(default=False, kw_only=True)

    @property
    def range(self) -> str:
        """The accepted values, in words."""
        kind = "odd numbers" if self.odd else "whole numbers" if isinstance(self.low, int) else "numbers"
        return f"{kind} from {self.low} to {self.high}"

    def accepts(self, value: object) -> bool:
        """Return True if a space file may list this value."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.odd and value and value % 2 == 0:
            return False
        return self.low <= value <= self.high and (isinstance(value, int) or not isinstance(self.low, int))

    def repaired(self, value: Number, widths: Sequence[int]) -> Number:
        """The value that replaces ``value`` in a block with these inner widths."""
        if self.divisor:
            return math.gcd(int(value), *widths)
        return plain(min(value, max(widths)) if self.capped else value)


@dataclass(frozen=True)
class Family:
    """An operator that a stage may use: a block in one or several shells, with parameters.

    Args:
        key: Name in space files and architecture strings.
        title: Name in reports.
        shells: "plain" (the row repeats the block), "csp" (a shell of C2f round it), or both.
        parameters: Search choices by name, in the order of the row's arguments.
        row: Writes a stage as one row.
        widths: Lists, for a block of a width with these parameters, the channel counts that divisors must divide.
        neck_row: Writes the row in a neck, where stock stages have no shortcuts. None: ``row`` does.
        entry_divisor: Parameter that narrows the convolution before a backbone stage; the stage widens again.
        only_size: The operator saves nothing but bytes of weights. It is searched only under a limit on them.
        declared_in: Python module that declares the operator.
    """

    key: str
    title: str
    shells: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    row: WriteRow
    widths: Widths
    neck_row: WriteRow | None = None
    entry_divisor: str = ""
    only_size: bool = False
    declared_in: str = ""

    def entry(self, channels: int, parameters: Mapping[str, Number]) -> int:
        """Width of the convolution before a backbone stage that gives ``channels``."""
        return channels // int(parameters.get(self.entry_divisor, 1))

    def modules(self) -> list[str]:
        """Row kinds that the family writes, one for each shell."""
        lowest = {name: parameter.low for name, parameter in self.parameters.items()}
        wide = 64  # every lowest value fits this width
        return [self.row(shell, wide, 1, self.canonical(shell, wide, lowest))[1] for shell in self.shells]

    def canonical(self, shell: str, channels: int, parameters: Mapping[str, Number]) -> dict[str, Number]:
        """Repair parameters that the inner widths cannot carry.

        This is the only place that repairs choices, so equal models have equal architecture strings.

        Args:
            shell: "plain" or "csp".
            channels: Channels of the stage.
            parameters: Values by name.

        Returns:
            The parameters in declared order. Each divisor is the largest one that the inner widths allow, and each
            capped parameter is at most the widest of them.
        """
        width = channels // 2 if shell == "csp" else channels
        inner = self.widths(width, parameters)
        return {name: declared.repaired(parameters[name], inner) for name, declared in self.parameters.items()}


def one_width(width: int, parameters: Mapping[str, Number]) -> tuple[int, ...]:
    """Inner widths of a block without an expansion: its own width."""
    return (width,)


def expanded_width(width: int, parameters: Mapping[str, Number]) -> tuple[int, ...]:
    """Inner widths of a block that widens by its parameter ``expansion``."""
    return width, int(width * parameters["expansion"])


def block_row(plain: str, csp: str) -> WriteRow:
    """Row writer of a block: the row repeats the plain kind; the CSP kind repeats the block inside."""

    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        values = tuple(parameters.values())
        return (1, csp, (channels, depth, *values)) if shell == "csp" else (depth, plain, (channels, *values))

    return row


def plain(value: Number) -> Number:
    """Write 2.0 as 2: they are the same choice."""
    return int(value) if float(value).is_integer() else float(value)
