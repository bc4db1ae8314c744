"""Entries of a latency table: their keys, and the entries that a row needs at any depth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from nas.detectors.rows import ResolvedRow
from nas.operators.base import Shape
from nas.operators.registry import OPERATORS

DEEP = 3
"""Depth of the second entry of a row. With depth 1 it gives the cost of one more repeat."""


class Key(NamedTuple):
    """Key of an entry, as in the CSV.

    Attributes:
        operator: The module's name; a user operator's is followed by "@" and its `Operator.source`.
        arguments: The constructor's arguments with defaults, as JSON; "n" stands for the depth. An activation other
            than SiLU follows them.
        inputs: The input shapes [[C, H, W], ...], as JSON.
        depth: 1 or `DEEP`.
    """

    operator: str
    arguments: str
    inputs: str
    depth: int

    @property
    def mark(self) -> str:
        """12 hex digits that stand for the key in `nas.latency.header.Header.noisy`."""
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return f"{self.operator} {self.arguments} on {self.inputs} at depth {self.depth}"


@dataclass(frozen=True)
class Part:
    """A row as the sum of entries.

    Attributes:
        resolved: The row.
        depth: Repeats inside the module.
        times: Copies of the module.
    """

    resolved: ResolvedRow
    depth: int
    times: int

    @classmethod
    def of(cls, resolved: ResolvedRow) -> Part:
        """The part for a row."""
        operator, call = resolved.row.operator, resolved.call
        return cls(resolved, operator.depth(call), 1 if operator.depth_argument is None else call.copies)

    def key(self, depth: int) -> Key:
        """The key of this row at a depth."""
        row = self.resolved
        arguments = row.call.arguments
        return _key(row.row.module, arguments, repr(arguments), row.inputs, depth, row.activation)

    def needs(self) -> Iterator[Key]:
        """The keys of all entries that a prediction of this row needs."""
        yield self.key(1)
        if self.depth > 1:
            yield self.key(DEEP)

    def at(self, depth: int) -> ResolvedRow:
        """One copy of the row at a depth."""
        operator = self.resolved.row.operator
        return replace(self.resolved, call=operator.with_depth(self.resolved.call._replace(copies=1), depth))


@lru_cache(maxsize=16384)  # a search predicts thousands of members made of the same few hundred rows
def _key(
    module: str, arguments: tuple[Any, ...], spelled: str, inputs: tuple[Shape, ...], depth: int, activation: str
) -> Key:
    """``spelled`` distinguishes arguments that compare equal, such as 1 and True."""
    operator = OPERATORS[module]
    written = [_plain(argument) for argument in operator.filled(arguments)]
    defaults = [parameter.default for parameter in operator.signature.parameters.values()]
    if written[len(written) - operator.added :] == defaults[len(written) - operator.added :]:
        del written[len(written) - operator.added :]
    if activation:
        written.append(activation)
    if operator.depth_argument is not None:
        written[operator.depth_argument] = "n"
    name = f"{operator.name}@{operator.source}" if operator.source else operator.name
    return Key(name, json.dumps(written), json.dumps(inputs), depth)


def _plain(value: Any) -> Any:
    """2.0 and 2 build the same module and share an entry."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
