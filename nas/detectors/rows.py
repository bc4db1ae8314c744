"""A detector as the rows of its YAML: the one description that is searched, measured, trained and exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nas.operators.base import Call, Operator, Shape
from nas.operators.registry import OPERATORS


@dataclass(frozen=True)
class Row:
    """One row ``[from, repeats, module, args]``; ``source`` holds the row numbers it reads, -1 being the row before."""

    source: tuple[int, ...]
    repeats: int
    module: str
    args: tuple[Any, ...]

    @property
    def operator(self) -> Operator:
        try:
            return OPERATORS[self.module]
        except KeyError:
            raise ValueError(f"unknown module {self.module}; known are {', '.join(OPERATORS)}") from None


@dataclass(frozen=True)
class ResolvedRow:
    """A row with the shapes that reach it: ``inputs`` in the order of its source, ``call`` what builds it."""

    index: int
    row: Row
    inputs: tuple[Shape, ...]
    call: Call


@dataclass(frozen=True)
class Detector:
    """Rows, the number of classes, and how many rows are the backbone. Equal detectors compare equal."""

    rows: tuple[Row, ...]
    nc: int
    backbone: int

    def resolve(self, imgsz: int = 640) -> Iterator[ResolvedRow]:
        """The rows in order with their shapes for an image of ``imgsz`` x ``imgsz`` pixels, a multiple of 32.

        Raises ValueError naming the row that cannot be built.
        """
        if imgsz < 32 or imgsz % 32:
            raise ValueError(f"the image size must be a multiple of 32, not {imgsz}")
        shapes: list[Shape] = []
        for index, row in enumerate(self.rows):
            try:
                inputs = tuple(
                    shapes[index + source if source < 0 else source] if shapes else (3, imgsz, imgsz)
                    for source in row.source
                )
                call = row.operator.resolve(inputs, row.repeats, row.args)
            except (ValueError, IndexError, TypeError) as error:
                raise ValueError(f"row {index} ({row.module}): {error}") from error
            shapes.append(call.output)
            yield ResolvedRow(index, row, inputs, call)


@lru_cache(maxsize=16)
def resolved(detector: Detector, imgsz: int) -> tuple[ResolvedRow, ...]:
    """All of `Detector.resolve`, kept while a search looks at one member several times."""
    return tuple(detector.resolve(imgsz))
