"""From rows back to the architecture that has them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nas.detectors.rows import Detector, ResolvedRow
from nas.detectors.templates import NECK, Template
from nas.operators.family import Number, Parameter
from nas.operators.registry import FAMILIES
from nas.spaces.architecture import Architecture, StageChoice, choose, stock

TRIED: tuple[Number, ...] = (0, 0.25, 0.5, 1, 2, 4)
"""What a parameter may be that a row leaves to its default."""


def recognise(detector: Detector, templates: Iterable[Template]) -> Architecture:
    """The architecture, in one of these templates, that is this detector, however its rows are written.

    Raises ValueError, naming the first row that the nearest template cannot have.
    """
    rows, nearest, others = list(detector.resolve()), (-1, ""), []
    for template in templates:
        base = stock(template)
        if (length := len(base.detector(detector.nc).rows)) != len(rows):
            others.append(f"{template.name} has {length}")
            continue
        found: dict[str, StageChoice] = {}
        for stage in template.stages:
            last = template.stage_rows(stage)[1]
            choices = (
                choice
                for choice in _choices(template, stage, rows[last])
                if _same(base, {**found, stage: choice}, rows, last)
            )
            if (choice := next(choices, None)) is None:
                break
            found[stage] = choice
        member = base.replace(found)
        differing = _differing(member.detector(detector.nc), rows)
        if differing is None:
            return member
        nearest = max(nearest, (differing, template.name))
    row, name = nearest
    if row < 0:
        raise ValueError(f"has {len(rows)} rows; {', '.join(others)}")
    raise ValueError(f"row {row} ({rows[row].row.module}) is nothing that the template {name} can have there")


def _choices(template: Template, stage: str, row: ResolvedRow) -> Iterator[StageChoice]:
    """The choices of a stage that could have made this row, by its module and the numbers in it."""
    numbers = [value * 1 for value in row.row.args if isinstance(value, int | float)]  # True is 1
    values = list(dict.fromkeys([*numbers, *TRIED]))
    depths = dict.fromkeys([row.row.repeats, *(n for n in numbers if isinstance(n, int) and 1 <= n <= 9)])
    channels = row.call.output[0]
    for key, depth in itertools.product(template.families(stage), depths):
        family = FAMILIES[key]
        for shell in family.shells:
            for picked in itertools.product(*(_accepted(p, values) for p in family.parameters.values())):
                parameters = dict(zip(family.parameters, picked, strict=True))
                if family.row(shell, channels, depth, parameters)[1] != row.row.module:
                    break
                yield choose(key, shell, channels, depth, parameters, stage in NECK)


def _accepted(declared: Parameter, values: Sequence[Number]) -> list[Number]:
    return [value for value in values if declared.accepts(value)]


def _same(base: Architecture, changes: dict[str, StageChoice], rows: Sequence[ResolvedRow], last: int) -> bool:
    """Whether these choices give the rows up to the last one of a stage."""
    try:
        return _differing(base.replace(changes).detector(1), rows[: last + 1]) is None
    except ValueError:
        return False


def _differing(detector: Detector, rows: Sequence[ResolvedRow]) -> int | None:
    """The first of these rows that the detector has otherwise, the head's form aside; None where it has all."""
    for mine, row in zip(detector.resolve(), rows, strict=False):
        heads = mine.row.module.endswith("Detect") and row.row.module.endswith("Detect")
        if mine.row.source != row.row.source or not (heads or _built(mine) == _built(row)):
            return row.index
    return None


def _built(row: ResolvedRow) -> tuple[str, tuple[Any, ...], int]:
    """What a row builds, however it is written."""
    return row.row.module, row.row.operator.filled(row.call.arguments), row.call.copies
