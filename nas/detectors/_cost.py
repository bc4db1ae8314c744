"""Closed-form cost of a detector, row by row."""

from __future__ import annotations

from nas.detectors._rows import Detector, ResolvedRow
from nas.operators import Cost, total


def row_cost(resolved: ResolvedRow) -> Cost:
    """Cost of one row with all its copies."""
    one = resolved.row.operator.costs(resolved.inputs, *resolved.call.arguments)
    return total(one * resolved.call.copies)


def cost(detector: Detector, imgsz: int = 640) -> Cost:
    """Cost of the whole detector at ``imgsz`` x ``imgsz`` pixels."""
    return total(row_cost(row) for row in detector.resolve(imgsz))
