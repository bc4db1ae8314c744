"""What a latency entry is of: a row without its depth, so that depth costs no entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import nn

from nas.detectors import ResolvedRow, build_row, fuse

DEEP = 3
"""The depth whose time gives, with that of depth 1, the cost of one more: their difference over ``DEEP - 1``."""


class Key(NamedTuple):
    """An entry's key as it stands in the CSV. ``depth`` is 1 or `DEEP`, and "n" in the arguments where it goes there.

    ``arguments`` are the constructor's, defaults filled in, as JSON; ``inputs`` the shapes [[C, H, W], ...] as JSON.
    """

    operator: str
    arguments: str
    inputs: str
    depth: int

    def __str__(self) -> str:
        return f"{self.operator} {self.arguments} on {self.inputs} at depth {self.depth}"


@dataclass(frozen=True)
class Part:
    """A row as the table sees it: ``times`` x what the entries say of ``depth`` repeats."""

    resolved: ResolvedRow
    depth: int
    times: int

    @classmethod
    def of(cls, resolved: ResolvedRow) -> Part:
        operator, call = resolved.row.operator, resolved.call
        return cls(resolved, operator.depth(call), 1 if operator.depth_argument is None else call.copies)

    def key(self, depth: int) -> Key:
        """The entry for this row at a depth."""
        operator, call = self.resolved.row.operator, self.resolved.call
        arguments = [_plain(a) for a in operator.filled(call.arguments)]
        if operator.depth_argument is not None:
            arguments[operator.depth_argument] = "n"
        return Key(operator.name, json.dumps(arguments), json.dumps(self.resolved.inputs), depth)

    def needs(self) -> Iterator[Key]:
        """The entries that a prediction of this row needs."""
        yield self.key(1)
        if self.depth > 1:
            yield self.key(DEEP)

    def at(self, depth: int) -> ResolvedRow:
        """One copy of the row at a depth."""
        operator = self.resolved.row.operator
        return replace(self.resolved, call=operator.with_depth(self.resolved.call._replace(copies=1), depth))


def build(resolved: ResolvedRow) -> tuple[nn.Module, list[torch.Tensor]]:
    """The deployed module of a row and random inputs for it, batch 1; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        inputs = [torch.randn(1, *shape) for shape in resolved.inputs]
        return fuse(build_row(resolved).eval()), inputs


def _plain(value: Any) -> Any:
    """2.0 and 2 build the same module and share an entry."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
