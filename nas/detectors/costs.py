"""Closed-form cost of a detector, row by row."""

from __future__ import annotations

from functools import lru_cache

from nas.detectors.rows import BAD_ARGUMENTS, Detector, ResolvedRow, resolved, row_error
from nas.operators.base import Call, Cost, Shape, total
from nas.operators.registry import OPERATORS


def row_cost(resolved: ResolvedRow) -> Cost:
    """Cost of one row with all its copies, for one image.

    Raises:
        ModelError: With the row, if its arguments cannot be built.
    """
    try:
        return _row_cost(resolved.row.module, resolved.inputs, resolved.call)
    except BAD_ARGUMENTS as error:
        raise row_error(resolved.index, resolved.row, error) from error


@lru_cache(maxsize=16384)  # a search prices thousands of members made of the same few hundred rows
def _row_cost(module: str, inputs: tuple[Shape, ...], call: Call) -> Cost:
    parts = OPERATORS[module].row_costs(inputs, *call.arguments)
    if any(part.macs < 0 or not (part.macs or part.params) for part in parts):
        raise ValueError(f"a convolution in it has no channels left with the arguments {list(call.arguments)}")
    return total(parts * call.copies)


def cost(detector: Detector, imgsz: int = 640) -> Cost:
    """Cost of a detector for one image of ``imgsz`` x ``imgsz`` pixels, as `Detector.cost`."""
    return total(row_cost(row) for row in resolved(detector, imgsz))
