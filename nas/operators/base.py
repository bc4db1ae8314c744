"""Operators as kinds of YAML rows: arguments, channel rule and closed-form cost. Nothing here imports torch."""

from __future__ import annotations

import importlib
import inspect
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nas.operators.arguments import misfit

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, int, int]
"""Channels, height and width of one feature map."""
Grid = tuple[int, int]
"""Height and width of a feature map."""
Size = int | tuple[int, int]
"""A kernel, stride, padding or dilation: one number, or one for the height and one for the width."""

MODULES = "nas.operators.modules"
"""The package of the torch modules. A declaration in ``nas/operators/x.py`` has its modules in ``modules/x.py``."""


class Call(NamedTuple):
    """A row resolved against its inputs: build ``copies`` of ``module(*arguments)``; they give a map of ``output``."""

    arguments: tuple[Any, ...]
    copies: int
    output: Shape


class Cost(NamedTuple):
    """Cost of a part of a detector for one image. `total` adds costs up.

    Memory access follows ShuffleNetV2 (ECCV 2018, section 2, G1) and FasterNet (CVPR 2023, section 3.1).

    Attributes:
        params: Parameters as a trainer counts them, batch norms not folded.
        macs: Multiply-adds of convolutions and matrix products.
        memory_access: Elements of the maps that these read and write, and of their kernels. Norms, activations,
            additions and copies count nothing.
        weight_bytes: Bytes of the deployed weights, batch norms folded: 4 bytes a number, unless the operator packs
            its weights.
    """

    params: int
    macs: int
    memory_access: int
    weight_bytes: int


def total(costs: Iterable[Cost]) -> Cost:
    """Sum of costs."""
    return Cost(*(sum(column) for column in zip(Cost(0, 0, 0, 0), *costs, strict=True)))


def pair(size: Size) -> tuple[int, int]:
    """A size for the height and for the width."""
    return size if isinstance(size, tuple) else (size, size)


def conv_cost(
    kernel: Size,
    c1: int,
    c2: int,
    grid: Grid,
    groups: int = 1,
    *,
    stride: Size = 1,
    after: Literal["norm", "bias", "nothing"] = "norm",
) -> Cost:
    """Cost of a convolution.

    Args:
        kernel: Kernel size.
        c1: Input channels.
        c2: Output channels.
        grid: Height and width of the output map.
        groups: Groups of the convolution.
        stride: Stride of the convolution.
        after: A batch norm follows ("norm"), the convolution has a bias ("bias"), or neither ("nothing").

    Returns:
        The cost for one image.

    Raises:
        ValueError: There is no such convolution, or its output has no cells.
    """
    if groups < 1 or c1 % groups or c2 % groups:
        raise ValueError(f"{groups} groups must divide the channels {c1} and {c2}")
    if min(c1, c2, *pair(kernel), *pair(stride)) < 1:
        raise ValueError(f"a convolution has no {kernel} kernel of stride {stride} from {c1} to {c2} channels")
    weights, cells = math.prod(pair(kernel)) * c1 * c2 // groups, grid[0] * grid[1]
    extra = {"norm": 2 * c2, "bias": c2, "nothing": 0}[after]
    access = cells * (math.prod(pair(stride)) * c1 + c2) + weights
    return Cost(weights + extra, weights * cells, access, 4 * (weights + (c2 if extra else 0)))


def conv_grid(grid: Grid, kernel: Size, stride: Size, padding: Size | None = None, dilation: Size = 1) -> Grid:
    """Grid of the output of a convolution or a pool.

    Args:
        grid: Height and width of the input map.
        kernel: Kernel size in weights.
        stride: Stride.
        padding: Cells added on each side. None: half the kernel, as `padding_of` rounds it.
        dilation: Distance of neighboring weights in cells.

    Returns:
        Height and width of the output map.

    Raises:
        ValueError: The kernel is larger than the map, or a number is too small.
    """
    padding = padding_of(kernel, dilation) if padding is None else padding
    numbers = [pair(size) for size in (kernel, stride, dilation, padding)]
    if min(min(number) for number in numbers[:3]) < 1 or min(numbers[3]) < 0:
        raise ValueError("kernel, stride and dilation must be 1 or more, and the padding 0 or more")
    height, width = (
        (cells + 2 * p - d * (k - 1) - 1) // s + 1 for cells, k, s, d, p in zip(grid, *numbers, strict=True)
    )
    if min(height, width) < 1:
        raise ValueError(f"a kernel of {kernel} is larger than the map of {grid[0]} x {grid[1]}")
    return height, width


def padding_of(kernel: Size, dilation: Size = 1) -> Size:
    """The trainers' padding: half the dilated kernel, rounded down; it keeps the map of an odd kernel of stride 1."""
    height, width = (d * (k - 1) + 1 for k, d in zip(pair(kernel), pair(dilation), strict=True))
    return height // 2 if height == width else (height // 2, width // 2)


class Operator(ABC):
    """A kind of YAML row ``[from, repeats, module, args]``. The registry holds one instance of each.

    A subclass declares with `costs` the arguments of its torch module and their closed-form cost, and with `resolve`
    how trainers turn a row into constructor calls. Network, exporter, table keys and cost all use these two.

    A declaration never imports torch. `module` imports the torch module when it is first built.

    Attributes:
        name: Module string of the row. Default: the class name without "Operator".
        class_name: Name of the torch module's class.
        declared_in: Python module that declares the operator. Exported YAMLs and checkpoints name it.
        example: Row arguments for an input of 16 channels; the conformance suite builds them. Empty for a kind that
            reads several maps.
        source: Source hash of a user operator. Editing the operator invalidates cached scores and table entries.
        depth_argument: Constructor argument that repeats the inner block. None: the row's copies repeat the module.
        many: True if it reads a list of maps: its row lists them even if there is one.
        added: Constructor arguments, the last ones, that are younger than the tables in use. A table's key leaves them
            out while they have their defaults.
        is_head: True for a detection head. Its output is a list of predictions, not a map.
        follows_activation: True if the key ``activation`` of a model YAML changes the activation of its convolutions.
    """

    name: str = ""
    class_name: str
    declared_in: str
    example: tuple[Any, ...] = ()
    source: str = ""
    depth_argument: int | None = None
    many: bool = False
    added: int = 0
    is_head: bool = False
    follows_activation: bool = True
    costs: Callable[..., list[Cost]]
    """Static method: the convolutions and matrix products of one torch module, in any order. It takes the arguments of
    the constructor, with the same names and defaults, and the keyword ``grid``: height and width of the input map."""

    def __init__(self) -> None:
        self.class_name = type(self).__name__.removesuffix("Operator")
        self.declared_in = type(self).__module__
        self.name = self.name or self.class_name

    @property
    def file(self) -> str | None:
        """Source file of the declaration."""
        return getattr(sys.modules.get(self.declared_in), "__file__", None)

    @cached_property
    def module(self) -> type[nn.Module]:
        """The torch module's class. The first use imports torch."""
        file = self.declared_in.rpartition(".")[2]
        found: type[nn.Module] = getattr(importlib.import_module(f"{MODULES}.{file}"), self.class_name)
        return found

    @cached_property
    def signature(self) -> inspect.Signature:
        """Arguments of the torch module's constructor and their defaults, without building it."""
        declared = inspect.signature(self.costs)
        arguments = [p for p in declared.parameters.values() if p.kind is not p.KEYWORD_ONLY]
        return declared.replace(parameters=arguments)

    @cached_property
    def row_signature(self) -> inspect.Signature:
        """Arguments of the row and their defaults: those of the constructor."""
        return self.signature

    def check(self, args: Sequence[Any]) -> None:
        """Refuse row arguments of a wrong number or type.

        Args:
            args: The row's arguments.

        Raises:
            ValueError: In words that name the argument.
        """
        if (spelled := repr(args)) in self._checked:
            return
        if problem := misfit(self.row_signature, args):
            raise ValueError(problem)
        self._checked.add(spelled)

    @cached_property
    def _checked(self) -> set[str]:
        """Arguments that `check` has accepted."""
        return set()

    def depth(self, call: Call) -> int:
        """Repeats of the inner block."""
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
        """Turn a row into constructor calls.

        Args:
            inputs: Shapes of the maps that the row reads.
            repeats: The row's repeats.
            args: The row's arguments.

        Returns:
            Constructor arguments, number of copies and output shape.

        Raises:
            ValueError: These arguments cannot be built.
        """

    def row_costs(self, inputs: Sequence[Shape], *arguments: Any) -> list[Cost]:
        """Costs of one ``module(*arguments)``.

        Args:
            inputs: Shapes of the maps that the row reads.
            arguments: Constructor arguments; defaults may be missing.

        Returns:
            The cost of each convolution and matrix product.
        """
        return self.costs(*self.filled(arguments), grid=inputs[0][1:])

    def filled(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The constructor's arguments with its defaults filled in."""
        spelled = repr(arguments)  # 1 and True compare equal but are different arguments
        if spelled not in self._filled:
            bound = self.signature.bind(*arguments)
            bound.apply_defaults()
            self._filled[spelled] = bound.args
        return self._filled[spelled]

    @cached_property
    def _filled(self) -> dict[str, tuple[Any, ...]]:
        """Cache of `filled`: a search asks thousands of times for the same few hundred."""
        return {}


class StockOperator(Operator):
    """A stock kind: the row lists the output channels first, and the trainer inserts the input channels before them.

    With ``depth_argument`` 2 the row's repeats become the third constructor argument instead of copies of the module.
    """

    @cached_property
    def row_signature(self) -> inspect.Signature:
        declared = list(self.signature.parameters.values())
        return self.signature.replace(parameters=declared[1:2] + declared[3 if self.depth_argument == 2 else 2 :])

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        ((c1, *grid),) = inputs
        c2, *rest = args
        inside = self.depth_argument == 2
        arguments = (c1, c2, repeats, *rest) if inside else (c1, c2, *rest)
        output = (int(c2), *self.output_grid((grid[0], grid[1]), *self.filled(arguments)))
        if repeats > 1 and not inside and output != inputs[0]:
            raise ValueError(f"repeats need an output of the input's shape {list(inputs[0])}, not {list(output)}")
        return Call(arguments, 1 if inside else repeats, output)

    def output_grid(self, grid: Grid, *arguments: Any) -> Grid:
        """Height and width of the output. By default those of the input.

        Args:
            grid: Height and width of the input.
            arguments: All constructor arguments.
        """
        return grid


class KeepingOperator(Operator):
    """A kind that keeps its channels. The row's arguments are the constructor's, the channels first.

    Trainers pass the arguments of a module that they do not know untouched, and assume that it keeps its channels. So
    such a row parses in Ultralytics, YOLOv5 and YOLOv9. Our convolutions keep their SiLU there.
    """

    follows_activation = False

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        (shape,) = inputs
        if not args or args[0] != shape[0]:
            raise ValueError(f"{self.name} keeps its channels: its first argument must be {shape[0]}, not {args[:1]}")
        return Call(tuple(args), repeats, shape)
