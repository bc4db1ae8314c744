"""Costs of a candidate: latency, parameters, MACs and size, and their names in the study, in tables and on axes."""

from __future__ import annotations

from typing import NamedTuple


class CostKind(NamedTuple):
    """A kind of cost.

    Attributes:
        column: Its name in the study's attributes and in trials.csv.
        objective: Its name as an objective of the study.
        heading: Its heading in tables for people.
        factor: Multiplies a value to give it in ``unit``.
        unit: Its unit in tables for people.
    """

    column: str
    objective: str
    heading: str
    factor: float
    unit: str


COSTS = {
    "latency": CostKind("latency_ms", "latency ms (predicted)", "latency", 1, "ms"),
    "params": CostKind("params", "parameters", "params", 1e-6, "M"),
    "macs": CostKind("macs", "MACs", "MACs", 1e-9, "G"),
    "size": CostKind("weight_bytes", "bytes of weights", "weights", 1e-6, "MB"),
}
"""Kinds of cost by name. Values are in ms, parameters, multiply-adds, and bytes of the deployed weights."""

LATENCY = ("latency",)
"""The default of what a search minimizes."""

_SMALLER_UNITS = {"M": "k", "G": "M", "MB": "kB"}


def readable(name: str, value: float) -> str:
    """A cost with a unit for people, such as ``3.01 M``.

    Args:
        name: A key of `COSTS`.
        value: The cost in the unit of `COSTS`.
    """
    kind = COSTS[name]
    scaled, unit = value * kind.factor, kind.unit
    if 0 < scaled < 0.1 and unit in _SMALLER_UNITS:
        scaled, unit = 1000 * scaled, _SMALLER_UNITS[unit]
    return f"{scaled:.3g} {unit}"
