"""A detector as the rows of its YAML: the one description that is searched, measured, trained and exported."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError, ModelError
from nas.operators.base import Call, Cost, Operator, Shape
from nas.operators.registry import OPERATORS
from nas.operators.user_operators import OWN_HINT

if TYPE_CHECKING:
    from nas.detectors.network import Network

Notify = Callable[[str], object]
"""Receives one line about an assumption."""

BAD_ARGUMENTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Errors that wrong arguments of a row cause inside an operator."""


@dataclass(frozen=True)
class Row:
    """One row ``[from, repeats, module, args]`` of a model YAML.

    Attributes:
        source: The rows that it reads, by number; -1 is the row before.
        repeats: How often the module, or the block inside it, is repeated.
        module: The module string.
        args: The arguments as written.
    """

    source: tuple[int, ...]
    repeats: int
    module: str
    args: tuple[Any, ...]

    @property
    def operator(self) -> Operator:
        """The declaration of the module; raises ModelError if there is none."""
        try:
            return OPERATORS[self.module]
        except KeyError:
            problem = f"unknown module {self.module}; known are {', '.join(OPERATORS)}"
            raise ModelError(problem, hint=OWN_HINT) from None


@dataclass(frozen=True)
class ResolvedRow:
    """A row with its shapes.

    Attributes:
        index: The row's number.
        row: The row as written.
        inputs: The shape (channels, height, width) of each map that it reads, in the order of its source.
        call: The constructor call that builds it, and its output.
    """

    index: int
    row: Row
    inputs: tuple[Shape, ...]
    call: Call

    @property
    def field(self) -> str:
        """The row's name in an error."""
        return row_field(self.index, self.row.module)


@dataclass(frozen=True)
class Detector:
    """A detector: its rows, all channels and repeats resolved. Equal detectors compare equal.

    Attributes:
        rows: The rows of backbone, neck and head.
        nc: The number of classes.
        backbone: The number of rows of the backbone.

    Example:
        >>> detector = Detector.from_yaml("yolov8n.yaml", nc=3)
        >>> detector.cost(imgsz=320).params
        3011433
        >>> network = detector.network(seed=0)
    """

    rows: tuple[Row, ...]
    nc: int
    backbone: int

    @classmethod
    def from_yaml(cls, path: str | Path, nc: int | None = None, notify: Notify = warnings.warn) -> Detector:
        """Read a model YAML of Ultralytics, YOLOv5 or YOLOv9, scaled as these trainers scale it.

        Args:
            path: The YAML. The scale is the letter in its name; for a missing yolov8s.yaml, yolov8.yaml is read.
            nc: The number of classes, in place of the file's.
            notify: Receives a line for each assumption.

        Returns:
            The detector.

        Raises:
            ModelError: With the file and the row or key that is wrong.
        """
        from nas.detectors.yaml_files import from_yaml  # it imports this module

        return from_yaml(path, nc, notify)

    def to_yaml(self, comment: str = "") -> str:
        """The text of a model YAML, with explicit channels and repeats and without scales.

        Args:
            comment: Lines to write at the top, as comments.

        Raises:
            ModelError: If a trainer would build something else from these rows.
        """
        from nas.detectors.yaml_files import to_yaml  # it imports this module

        return to_yaml(self, comment)

    def cost(self, imgsz: int = 640) -> Cost:
        """The closed-form cost of one image; imports no torch.

        Args:
            imgsz: The side of the image in pixels, a multiple of 32.

        Returns:
            Parameters, MACs, memory access in elements and bytes of the deployed weights.

        Raises:
            ConfigError: If ``imgsz`` is no multiple of 32.
            ModelError: With the row that cannot be built.
        """
        from nas.detectors.costs import cost  # it imports this module

        return cost(self, imgsz)

    def network(self, seed: int | None = None) -> Network:
        """The torch module of the detector, with random weights; imports torch.

        Args:
            seed: Draws the weights of each row from (seed, row number) and leaves torch's random state as it is. None
                draws from that state.

        Raises:
            ModelError: With the row that cannot be built.
        """
        from nas.detectors.network import Network  # imports torch

        return Network(self, seed)

    def resolve(self, imgsz: int = 640) -> Iterator[ResolvedRow]:
        """The rows in order, with their shapes.

        Args:
            imgsz: The side of the image in pixels, a multiple of 32.

        Raises:
            ConfigError: If ``imgsz`` is no multiple of 32.
            ModelError: With the row that cannot be built.
        """
        if imgsz < 32 or imgsz % 32:
            raise ConfigError("must be a multiple of 32", field="imgsz", value=imgsz)
        shapes: list[Shape] = []
        for index, row in enumerate(self.rows):
            try:
                inputs = tuple(
                    shapes[index + source if source < 0 else source] if shapes else (3, imgsz, imgsz)
                    for source in row.source
                )
                call = row.operator.resolve(inputs, row.repeats, row.args)
            except (*BAD_ARGUMENTS, ModelError) as error:
                raise ModelError(str(error), field=row_field(index, row.module)) from error
            shapes.append(call.output)
            yield ResolvedRow(index, row, inputs, call)


def row_field(index: int, module: str) -> str:
    """The name of a row in an error."""
    return f"row {index} ({module})"


@lru_cache(maxsize=16)
def resolved(detector: Detector, imgsz: int) -> tuple[ResolvedRow, ...]:
    """All of `Detector.resolve`, cached: a search looks at one member several times."""
    return tuple(detector.resolve(imgsz))
