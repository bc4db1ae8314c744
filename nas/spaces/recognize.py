"""Rows back to the architecture that has them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from nas.detectors.rows import Detector, ResolvedRow
from nas.detectors.templates import NECK, TEMPLATES, Template
from nas.errors import ModelError
from nas.operators.arguments import written
from nas.operators.family import Number, Parameter
from nas.operators.registry import FAMILIES
from nas.spaces.architecture import Architecture, StageChoice, choose, stock
from nas.spaces.head_choice import recognized_head

DEFAULTS: tuple[Number, ...] = (0, 0.25, 0.5, 1, 2, 4)
"""Values to try for a parameter that a row does not spell out."""


def recognize(detector: Detector, templates: Iterable[Template]) -> Architecture:
    """The architecture that equals a detector, in whatever way its rows are written.

    Args:
        detector: The detector.
        templates: The templates to try.

    Raises:
        ModelError: With the first row that the nearest template cannot have.
    """
    rows, differences, others = list(detector.resolve()), [], []
    for template in templates:
        base = stock(template)
        if (length := len(base.detector(detector.nc).rows)) != len(rows):
            others.append(f"{template.name} has {length}")
            continue
        member = base.replace(_stages(template, base, rows))
        differing = _first_difference(member.detector(detector.nc), rows)
        if differing is None:
            return replace(member, head=recognized_head(detector, template))
        own = list(base.detector(detector.nc).resolve())
        differences.append((differing, _alike(own, rows), template.name, own[differing]))
    if not differences:
        raise ModelError(f"has {len(rows)} rows; {', '.join(others)}")
    index, _, name, wanted = max(differences, key=lambda found: found[:3])
    row = rows[index].row
    problem = f"{row.module} {written(row.args)} is nothing that the template {name} can have there"
    problem += f", whose stock model has {wanted.row.module} {written(wanted.row.args)}"
    hint = f"templates are, of each family, the two smallest scales: {', '.join(TEMPLATES)}"
    raise ModelError(problem, field=rows[index].field, hint=hint)


def _alike(own: Sequence[ResolvedRow], rows: Sequence[ResolvedRow]) -> int:
    """Number of rows that are alike but for their channels."""
    pairs = zip(own, rows, strict=True)
    return sum((a.row.module, *a.row.args[1:]) == (b.row.module, *b.row.args[1:]) for a, b in pairs)


def _stages(template: Template, base: Architecture, rows: Sequence[ResolvedRow]) -> dict[str, StageChoice]:
    """The choices of the stages in order, up to the first stage that no choice gives."""
    found: dict[str, StageChoice] = {}
    for stage in template.stages:
        last = template.stage_rows(stage)[1]
        candidates = _candidates(template, stage, rows[last])
        fitting = (choice for choice in candidates if _gives(base, {**found, stage: choice}, rows[: last + 1]))
        if (choice := next(fitting, None)) is None:
            break
        found[stage] = choice
    return found


def _candidates(template: Template, stage: str, row: ResolvedRow) -> Iterator[StageChoice]:
    """The choices of a stage that could have made a row, by its module and the numbers in it."""
    numbers = [value * 1 for value in row.row.args if isinstance(value, int | float)]  # True is 1
    values = list(dict.fromkeys([*numbers, *DEFAULTS]))
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


def _gives(base: Architecture, changes: dict[str, StageChoice], rows: Sequence[ResolvedRow]) -> bool:
    """Return True if the template with these choices begins with these rows."""
    try:
        return _first_difference(base.replace(changes).detector(1), rows) is None
    except ModelError:
        return False


def _first_difference(detector: Detector, rows: Sequence[ResolvedRow]) -> int | None:
    """The first row in which a detector differs, the form of the head aside; None if it has all of them."""
    for mine, row in zip(detector.resolve(), rows, strict=False):
        heads = mine.row.operator.is_head and row.row.operator.is_head
        if mine.row.source != row.row.source or not (heads or _built(mine) == _built(row)):
            return row.index
    return None


def _built(row: ResolvedRow) -> tuple[str, tuple[Any, ...], int]:
    """The module that a row builds, in whatever way it is written."""
    return row.row.module, row.row.operator.filled(row.call.arguments), row.call.copies
