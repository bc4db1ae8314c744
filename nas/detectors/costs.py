"""Closed-form cost of a detector, row by row."""

from __future__ import annotations

from functools import lru_cache

from nas.detectors.rows import Detector, ResolvedRow, resolved
from nas.operators.base import Call, Cost, Shape, total
from nas.operators.registry import OPERATORS


def row_cost(resolved: ResolvedRow) -> Cost:
    """Cost of one row with all its copies."""
    return _row_cost(resolved.row.module, resolved.inputs, resolved.call)


@lru_cache(maxsize=16384)  # a search prices thousands of members of the same few hundred rows
def _row_cost(module: str, inputs: tuple[Shape, ...], call: Call) -> Cost:
    return total(OPERATORS[module].costs(inputs, *call.arguments) * call.copies)


def cost(detector: Detector, imgsz: int = 640) -> Cost:
    """Cost of the whole detector at ``imgsz`` x ``imgsz`` pixels."""
    return total(row_cost(row) for row in resolved(detector, imgsz))
