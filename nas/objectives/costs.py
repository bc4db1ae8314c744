"""What a candidate costs, beside the training: four kinds, and what each is called where."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of cost: its ``column`` in the study and trials.csv, what the study calls it as an objective, its
    ``heading`` in a table for people, and there its ``unit``, which is ``1 / factor`` of what is counted."""

    column: str
    objective: str
    heading: str
    factor: float
    unit: str


COSTS = {
    "latency": Kind("latency_ms", "latency ms (predicted)", "latency", 1, "ms"),
    "params": Kind("params", "parameters", "params", 1e-6, "M"),
    "macs": Kind("macs", "MACs", "MACs", 1e-9, "G"),
    "size": Kind("weight_bytes", "bytes of weights", "weights", 1e-6, "MB"),
}
"""By name, in ms, parameters, multiply-adds, and bytes of the deployed weights."""

LATENCY = ("latency",)
"""What is minimised unless more is asked for."""


SMALLER = {"M": "k", "G": "M", "MB": "kB"}
"""What is written of less than a tenth of a unit."""


def readable(name: str, value: float) -> str:
    """A cost with the unit that people read."""
    kind = COSTS[name]
    scaled, unit = value * kind.factor, kind.unit
    if 0 < scaled < 0.1 and unit in SMALLER:
        scaled, unit = 1000 * scaled, SMALLER[unit]
    return f"{scaled:.3g} {unit}"
