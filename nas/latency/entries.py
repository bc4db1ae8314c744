"""What a latency entry is of: a row without its depth, so that depth costs no entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import nn

from nas.detectors.network import Network, build_row, fuse
from nas.detectors.rows import Detector, ResolvedRow
from nas.latency.runtimes.measure import Ends
from nas.operators.base import Shape
from nas.operators.registry import OPERATORS

DEEP = 3
"""The depth whose time gives, with that of depth 1, the cost of one more: their difference over ``DEEP - 1``."""


class Key(NamedTuple):
    """An entry's key as it stands in the CSV. ``depth`` is 1 or `DEEP`, and "n" in the arguments where it goes there.

    ``operator`` is a module's name, one of a person's own with "@" and its `Operator.source`.
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
        module, arguments = self.resolved.row.module, self.resolved.call.arguments
        return _key(module, arguments, repr(arguments), self.resolved.inputs, depth)

    def needs(self) -> Iterator[Key]:
        """The entries that a prediction of this row needs."""
        yield self.key(1)
        if self.depth > 1:
            yield self.key(DEEP)

    def at(self, depth: int) -> ResolvedRow:
        """One copy of the row at a depth."""
        operator = self.resolved.row.operator
        return replace(self.resolved, call=operator.with_depth(self.resolved.call._replace(copies=1), depth))


@lru_cache(maxsize=16384)  # a search prices thousands of members of the same few hundred rows
def _key(module: str, arguments: tuple[Any, ...], spelled: str, inputs: tuple[Shape, ...], depth: int) -> Key:
    """``spelled`` tells apart what compares equal, such as 1 and True."""
    operator = OPERATORS[module]
    written = [_plain(argument) for argument in operator.filled(arguments)]
    if operator.depth_argument is not None:
        written[operator.depth_argument] = "n"
    name = f"{operator.name}@{operator.source}" if operator.source else operator.name
    return Key(name, json.dumps(written), json.dumps(inputs), depth)


def build(resolved: ResolvedRow) -> tuple[nn.Module, list[torch.Tensor]]:
    """The deployed module of a row and its `inputs`; the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return fuse(build_row(resolved).eval()), inputs(resolved)


def inputs(resolved: ResolvedRow) -> list[torch.Tensor]:
    """Random inputs for a row, batch 1, the same every time."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(1, *shape, generator=generator) for shape in resolved.inputs]


def ends(resolved: ResolvedRow) -> Ends:
    """Whether a row reads the image and whether it gives the predictions."""
    return resolved.index == 0, resolved.row.operator.is_head


def whole(detector: Detector, imgsz: int) -> tuple[nn.Module, list[torch.Tensor]]:
    """The deployed module of a detector and a random image for it, batch 1; the random state is left alone."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return fuse(Network(detector).eval()), [torch.rand(1, 3, imgsz, imgsz)]


def _plain(value: Any) -> Any:
    """2.0 and 2 build the same module and share an entry."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
