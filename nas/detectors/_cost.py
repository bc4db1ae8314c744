"""Closed-form cost of a detector, row by row."""

from __future__ import annotations

from typing import NamedTuple

from nas.detectors._rows import Detector, ResolvedRow


class Cost(NamedTuple):
    """Parameters as a trainer counts them (unfused), and MACs: multiply-adds of the convolutions, one image."""

    params: int
    macs: int


def row_cost(resolved: ResolvedRow) -> Cost:
    """Cost of one row with all its copies."""
    terms = resolved.row.operator.terms(resolved.inputs, *resolved.call.arguments)
    copies = resolved.call.copies
    return Cost(copies * sum(t.params for t in terms), copies * sum(t.macs for t in terms))


def cost(detector: Detector, imgsz: int = 640) -> Cost:
    """Cost of the whole detector at ``imgsz`` x ``imgsz`` pixels."""
    costs = [row_cost(row) for row in detector.resolve(imgsz)]
    return Cost(sum(c.params for c in costs), sum(c.macs for c in costs))
