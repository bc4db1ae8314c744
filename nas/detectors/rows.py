"""A detector as the rows of its YAML: the one description that is searched, measured, trained and exported."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError, ModelError
from nas.operators.arguments import usage, written
from nas.operators.base import Call, Cost, Operator, Shape
from nas.operators.registry import OPERATORS
from nas.operators.user_operators import OWN_HINT

if TYPE_CHECKING:
    from nas.detectors.network import Network

Notify = Callable[[str], object]
"""Receives one line about an assumption."""

LEAST = 32
"""The trainers take image sizes that are multiples of this, even if all strides are smaller."""
PROBE = 256
"""Side in pixels of the image from which the trainers derive the strides."""

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
        strides: Of a head: the pixels of a cell of each map that it reads. Of another row: empty.
        activation: As in `Detector`; empty for a row whose activation it does not change.
    """

    index: int
    row: Row
    inputs: tuple[Shape, ...]
    call: Call
    strides: tuple[int, ...] = ()
    activation: str = ""

    @property
    def field(self) -> str:
        """The row's name in an error."""
        return row_field(self.index, self.row.module)


@dataclass(frozen=True, repr=False)
class Detector:
    """A detector: its rows, all channels and repeats resolved. Equal detectors compare equal.

    Attributes:
        rows: The rows of backbone, neck and head.
        nc: The number of classes.
        backbone: The number of rows of the backbone.
        activation: The activation of stock rows, such as ``nn.ReLU()``; empty for SiLU.

    Example:
        >>> detector = Detector.from_yaml("yolov8n.yaml", nc=3)
        >>> detector.cost(imgsz=320).params
        3011433
        >>> network = detector.network(seed=0)
    """

    rows: tuple[Row, ...]
    nc: int
    backbone: int
    activation: str = ""

    def __repr__(self) -> str:
        # Scores are cached under it: a detector without an activation of its own is spelled as before there was one.
        activation = f", activation={self.activation!r}" if self.activation else ""
        return f"Detector(rows={self.rows!r}, nc={self.nc!r}, backbone={self.backbone!r}{activation})"

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
            imgsz: The side of the image in pixels, a multiple of `multiple`.

        Returns:
            Parameters, MACs, memory access in elements and bytes of the deployed weights.

        Raises:
            ConfigError: If ``imgsz`` is no such multiple.
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

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """Pixels of a cell of each map that the head reads, in its order, as the graph has them; empty without a head.

        Raises:
            ModelError: With the row that cannot be built.
        """
        *_, last = self._resolve(PROBE)
        return last.strides

    @property
    def multiple(self) -> int:
        """The side of an image is a multiple of this number of pixels: of the largest stride, and as in the trainers
        of 32."""
        return max((LEAST, *self.strides))

    def resolve(self, imgsz: int = 640) -> Iterator[ResolvedRow]:
        """The rows in order, with their shapes.

        Args:
            imgsz: The side of the image in pixels, a multiple of `multiple`.

        Raises:
            ConfigError: If ``imgsz`` is no such multiple.
            ModelError: With the row that cannot be built.
        """
        if imgsz < LEAST or imgsz % LEAST or (imgsz % PROBE and imgsz % self.multiple):
            multiple = self.multiple
            nearest = max(multiple, round(imgsz / multiple) * multiple)
            hint = f"give `imgsz={nearest}`"
            raise ConfigError(f"must be a multiple of {multiple}", field="imgsz", value=imgsz, hint=hint)
        yield from self._resolve(imgsz)

    def _resolve(self, imgsz: int) -> Iterator[ResolvedRow]:
        shapes: list[Shape] = []
        for index, row in enumerate(self.rows):
            try:
                inputs = tuple(
                    shapes[index + source if source < 0 else source] if shapes else (3, imgsz, imgsz)
                    for source in row.source
                )
                resolved = self._resolved(index, row, inputs, imgsz)
            except BAD_ARGUMENTS as error:
                raise row_error(index, row, error) from error
            except ModelError as error:
                error.field = error.field or row_field(index, row.module)
                raise
            shapes.append(resolved.call.output)
            yield resolved

    def _resolved(self, index: int, row: Row, inputs: tuple[Shape, ...], imgsz: int) -> ResolvedRow:
        operator = row.operator
        if len(inputs) != 1 and not operator.many:
            raise ValueError(f"reads one row, not {list(row.source)}; join them with Concat")
        operator.check(row.args)
        call = operator.resolve(inputs, row.repeats, row.args)
        strides = strides_of(inputs, imgsz) if operator.is_head else ()
        activation = self.activation if operator.follows_activation else ""
        return ResolvedRow(index, row, inputs, call, strides, activation)


def strides_of(inputs: Sequence[Shape], imgsz: int) -> tuple[int, ...]:
    """Pixels of a cell of each of a head's maps.

    Args:
        inputs: Shapes of the maps.
        imgsz: The side of the image in pixels.

    Raises:
        ValueError: A cell is no square of whole pixels.
    """
    for _, height, width in inputs:
        if height != width or imgsz % height:
            raise ValueError(
                f"reads a map of {height} x {width} cells of {imgsz} px: a cell must be so many whole pixels"
            )
    return tuple(imgsz // height for _, height, _ in inputs)


def row_error(index: int, row: Row, error: Exception) -> ModelError:
    """The error of a row whose arguments an operator cannot take.

    Args:
        index: The row's number.
        row: The row.
        error: One of `BAD_ARGUMENTS`. A ValueError is the operator's own and tells why.
    """
    field = row_field(index, row.module)
    if isinstance(error, ValueError):
        return ModelError(" ".join(str(error).split()), field=field)
    takes = usage(row.operator.row_signature)
    return ModelError(f"cannot be built with the arguments {written(row.args)}; it takes {takes}", field=field)


def row_field(index: int, module: str) -> str:
    """The name of a row in an error."""
    return f"row {index} ({module})"


@lru_cache(maxsize=16)
def resolved(detector: Detector, imgsz: int) -> tuple[ResolvedRow, ...]:
    """All of `Detector.resolve`, cached: a search looks at one member several times."""
    return tuple(detector.resolve(imgsz))
