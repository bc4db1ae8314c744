"""What an operator declares: its YAML arguments, its channel rule, its closed-form cost."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

Shape = tuple[int, int, int]
"""Channels, height, width of one feature map."""


class Call(NamedTuple):
    """A row resolved against its inputs: build ``copies`` of ``module(*arguments)``; they yield ``output``."""

    arguments: tuple[Any, ...]
    copies: int
    output: Shape


@dataclass(frozen=True)
class Term:
    """One convolution in a closed-form cost.

    ``weights`` counts the kernel's parameters, ``extra`` those of its batch norm (2 a channel) or its bias (1 a
    channel). ``grid`` is the output map (height, width); a multiply-add per weight and position is one MAC.
    """

    weights: int
    extra: int
    grid: tuple[int, int]

    @property
    def params(self) -> int:
        return self.weights + self.extra

    @property
    def macs(self) -> int:
        return self.weights * self.grid[0] * self.grid[1]


def conv_term(kernel: int, c1: int, c2: int, grid: tuple[int, int], groups: int = 1, norm: bool = True) -> Term:
    """A ``kernel`` x ``kernel`` convolution from c1 to c2 channels with a batch norm or, without one, a bias."""
    return Term(kernel * kernel * c1 * c2 // groups, (2 if norm else 1) * c2, grid)


class Operator(ABC):
    """A kind of YAML row ``[from, repeats, name, args]``; the registry holds one instance of each.

    A subclass sets ``name`` (the module string of the row) and ``module``, says with `resolve` how trainers turn a row
    into constructor calls, and with `terms` what one such module costs. Nothing else knows an operator's arguments:
    the network, the exporter, the table's keys and the cost all go through these two methods.
    """

    name: str
    module: type[nn.Module]
    depth_argument: int | None = None
    """Constructor argument that says how often the inner block is repeated; None: the row's copies say it."""

    def depth(self, call: Call) -> int:
        """How often the repeated part is there."""
        return call.copies if self.depth_argument is None else int(call.arguments[self.depth_argument])

    def with_depth(self, call: Call, depth: int) -> Call:
        """The same call at another depth."""
        if self.depth_argument is None:
            return call._replace(copies=depth)
        arguments = list(call.arguments)
        arguments[self.depth_argument] = depth
        return call._replace(arguments=tuple(arguments))

    @abstractmethod
    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        """Constructor arguments, number of copies and output shape; raises ValueError for arguments that cannot be."""

    @abstractmethod
    def terms(self, inputs: Sequence[Shape], *arguments: Any) -> list[Term]:
        """The convolutions of one ``module(*arguments)`` on these inputs; pooling, adds and activations are free."""

    def filled(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The constructor's arguments with its defaults filled in."""
        bound = inspect.signature(self.module).bind(*arguments)
        bound.apply_defaults()
        return bound.args


class StockOperator(Operator):
    """A stock kind: the row lists the output channels first and the trainer inserts the input channels before them.

    With ``depth_argument`` 2 the row's repeats become the third constructor argument instead of copies of the module.
    """

    stride_argument: int | None = None

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((c1, height, width),) = inputs
        c2, *rest = args
        stride = 1
        if self.stride_argument is not None and len(args) > self.stride_argument:
            stride = int(args[self.stride_argument])
        if repeats > 1 and self.depth_argument is None and (stride > 1 or c1 != c2):
            raise ValueError(f"repeats need stride 1 and equal channels, not stride {stride}, {c1} to {c2}")
        inside = self.depth_argument == 2
        arguments = (c1, c2, repeats, *rest) if inside else (c1, c2, *rest)
        output = (int(c2), math.ceil(height / stride), math.ceil(width / stride))
        return Call(arguments, 1 if inside else repeats, output)


class KeepingOperator(Operator):
    """One of ours: channels stay as they are and the row's arguments are the constructor's, the channels first.

    Trainers that do not know a module pass its arguments untouched and take its output channels for its input's, which
    is why such a row parses in Ultralytics, YOLOv5 and YOLOv9 alike.
    """

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        (shape,) = inputs
        if not args or args[0] != shape[0]:
            raise ValueError(f"{self.name} keeps its channels: its first argument must be {shape[0]}, not {args[:1]}")
        return Call(tuple(args), repeats, shape)


def check_channels(x: torch.Tensor, channels: int, who: nn.Module) -> None:
    """Raise ValueError unless x (B, C, H, W) has C == channels: slicing would hide the mistake (operators.md 6.1)."""
    if not torch.jit.is_tracing() and x.shape[1] != channels:  # type: ignore[attr-defined,no-untyped-call]
        raise ValueError(f"{type(who).__name__} was built for {channels} channels and got {x.shape[1]}")
