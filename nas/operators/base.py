"""What an operator declares: its YAML arguments, its channel rule, its closed-form cost."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

Shape = tuple[int, int, int]
"""Channels, height, width of one feature map."""


class Call(NamedTuple):
    """A row resolved against its inputs: build ``copies`` of ``module(*arguments)``; they yield ``output``."""

    arguments: tuple[Any, ...]
    copies: int
    output: Shape


class Cost(NamedTuple):
    """What a part of a detector costs for one image; costs add up with `total`.

    ``params`` as a trainer counts them, batch norms unfused. ``macs`` are multiply-adds of convolutions and matrix
    products. ``memory_access`` is in elements: maps read and written by these, and their kernels (ShuffleNetV2, section
    2, G1; FasterNet, section 3.1); norms, activations, additions and moves are left out. ``weight_bytes`` is what the
    deployed model stores, batch norms folded: 4 bytes a number unless an operator says otherwise.
    """

    params: int
    macs: int
    memory_access: int
    weight_bytes: int


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of these."""
    return Cost(*(sum(column) for column in zip(Cost(0, 0, 0, 0), *costs, strict=True)))


def conv_cost(
    kernel: int,
    c1: int,
    c2: int,
    grid: tuple[int, int],
    groups: int = 1,
    *,
    stride: int = 1,
    after: Literal["norm", "bias", "nothing"] = "norm",
) -> Cost:
    """A ``kernel`` x ``kernel`` convolution from c1 to c2 channels, ``grid`` its output map (height, width)."""
    weights, cells = kernel * kernel * c1 * c2 // groups, grid[0] * grid[1]
    extra = {"norm": 2 * c2, "bias": c2, "nothing": 0}[after]
    access = cells * (stride * stride * c1 + c2) + weights
    return Cost(weights + extra, weights * cells, access, 4 * (weights + (c2 if extra else 0)))


def conv_grid(shape: Shape, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    """Height and width of the map that a convolution of ``kernel`` cells, dilation included, gives of ``shape``."""
    _, height, width = shape
    return (height + 2 * padding - kernel) // stride + 1, (width + 2 * padding - kernel) // stride + 1


class Operator(ABC):
    """A kind of YAML row ``[from, repeats, name, args]``; the registry holds one instance of each.

    A subclass sets ``name`` (the module string of the row) and ``module``, says with `resolve` how trainers turn a row
    into constructor calls, and with `costs` what one such module costs. Nothing else knows an operator's arguments:
    the network, the exporter, the table's keys and the cost all go through these two methods.
    """

    name: str
    module: type[nn.Module]
    example: tuple[Any, ...] = ()
    """Row arguments that fit an input of 16 channels; the conformance suite builds them. Empty where a row reads
    several maps."""
    source: str = ""
    """A hash of the files that declare it, where these are not of this package: part of the keys that its latency and
    the scores of its detectors are kept by, so that an operator that was edited is another one."""
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
    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        """The convolutions and matrix products of one ``module(*arguments)`` on these inputs, in any order."""

    def filled(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The constructor's arguments with its defaults filled in."""
        spelled = repr(arguments)  # what compares equal, such as 1 and True, is not the same argument
        if spelled not in self._filled:
            bound = self._signature.bind(*arguments)
            bound.apply_defaults()
            self._filled[spelled] = bound.args
        return self._filled[spelled]

    @cached_property
    def _filled(self) -> dict[str, tuple[Any, ...]]:
        """Kept, since a search asks thousands of times for the same few hundred."""
        return {}

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.module)


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


class BlockOperator(KeepingOperator):
    """A single block of ours: row arguments [channels, *the block's parameters]."""

    block_costs: Callable[..., list[Cost]]
    """Cost of one block: of its channels, its parameters and the map (height, width)."""

    def costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        return self.block_costs(*self.filled(arguments), inputs[0][1:])


def check_channels(x: torch.Tensor, channels: int, who: nn.Module) -> None:
    """Raise ValueError unless x (B, C, H, W) has C == channels: slicing would hide the mistake (operators.md 6.1)."""
    if not torch.jit.is_tracing() and x.shape[1] != channels:  # type: ignore[attr-defined,no-untyped-call]
        raise ValueError(f"{type(who).__name__} was built for {channels} channels and got {x.shape[1]}")
