"""A space file to edit, made from a model that is there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from nas.detectors import TEMPLATES, Detector, ResolvedRow, Template
from nas.operators import FAMILIES, Number
from nas.spaces._architecture import Architecture, StageChoice, choose, stock
from nas.spaces._file import SpaceFile, read

TRIED: tuple[Number, ...] = (0, 0.25, 0.5, 1, 2, 4)
"""What a parameter may be that a row leaves to its default."""


def new_space(detector: Detector, name: str) -> str:
    """The text of a space file called ``name``: the shipped space of the detector's template, opened so far that the
    detector is a member.

    Raises ValueError for a detector that differs from every template outside its four backbone stages.
    """
    template, member = _recognised(detector)
    shipped = read(template.name)[1]
    operators = {key: {field: list(values) for field, values in of.items()} for key, of in shipped.operators.items()}
    stages = {key: (list(of.channels), list(of.depth)) for key, of in shipped.stages.items()}
    for choice, (channels, depths) in zip(member.stages, stages.values(), strict=True):
        family, listed = FAMILIES[choice.family], operators.setdefault(choice.family, {})
        for field, value in [*choice.named().items(), *([("shell", choice.shell)] if len(family.shells) > 1 else [])]:
            _add(listed.setdefault(field, []), value)
        _add(channels, choice.channels)
        _add(depths, choice.depth)
    return _text(name, template, operators, stages)


def _text(
    name: str,
    template: Template,
    operators: dict[str, dict[str, list[Any]]],
    stages: dict[str, tuple[list[int], list[int]]],
) -> str:
    lines = [
        f"# Made from the shipped space {template.name}; edit what may be chosen.",
        "# The stock model's own choices must stay in every list: it is trial 0 of every search.",
        f"space: {name}",
        "version: 1",
        f"template: {template.name}",
        "",
        "# Operators and what each may choose. A divisor that does not divide the width inside a block gives way to",
        "# the largest one that does.",
        "operators:",
    ]
    for key, fields in operators.items():
        meanings = "; ".join(
            f"{field}: {FAMILIES[key].parameters[field].meaning}" for field in fields if field != "shell"
        )
        lines += [f"  # {FAMILIES[key].title}{f'. {meanings}' if meanings else ''}", f"  {key}: {_flow(fields)}"]
    lines += [
        "",
        "# Backbone stages at strides 4, 8, 16, 32. `operators: [...]` in a stage narrows its choice.",
        "stages:",
    ]
    lines += [f"  {key}: {_flow({'channels': c, 'depth': d})}" for key, (c, d) in stages.items()]
    text = "\n".join(lines) + "\n"
    SpaceFile.model_validate(yaml.safe_load(text))
    return text


def _add(values: list[Any], value: Any) -> None:
    """Put it where it belongs in a list that is sorted or was made by hand."""
    if value not in values:
        values.append(value)
        if all(isinstance(one, int | float) for one in values):
            values.sort()


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).strip()


def _recognised(detector: Detector) -> tuple[Template, Architecture]:
    """The template whose rows these are, but for the stages, and the stages' choices."""
    rows, nearest = list(detector.resolve()), (-1, "")
    for template in TEMPLATES.values():
        base = stock(template)
        if len(base.detector(detector.nc).rows) != len(rows):
            continue
        found: dict[int, StageChoice] = {}
        for index in range(len(base.stages)):
            _, last = template.stage_rows(index)
            choices = (
                choice for choice in _choices(template, rows[last]) if _same(base, {**found, index: choice}, rows, last)
            )
            if (choice := next(choices, None)) is None:
                break
            found[index] = choice
        matched = 1 + template.stage_rows(len(found) - 1)[1] if found else 0
        if len(found) == len(base.stages):
            member = base.replace(found)
            differing = _differing(member.detector(detector.nc), rows)
            if differing is None:
                return template, member
            matched = differing
        nearest = max(nearest, (matched, template.name))
    row, name = nearest
    if row < 0:
        raise ValueError(f"has {len(rows)} rows, as no template has; known are {', '.join(TEMPLATES)}")
    raise ValueError(f"row {row} ({rows[row].row.module}) is nothing that the nearest template, {name}, can have there")


def _choices(template: Template, row: ResolvedRow) -> Iterator[StageChoice]:
    """The choices that could have made this row, by its module and the numbers in it."""
    numbers = [value * 1 for value in row.row.args if isinstance(value, int | float)]  # True is 1
    values = list(dict.fromkeys([*numbers, *TRIED]))
    depths = dict.fromkeys([row.row.repeats, *(n for n in numbers if isinstance(n, int) and 1 <= n <= 9)])
    channels = row.call.output[0]
    for key, depth in itertools.product(template.families, depths):
        family = FAMILIES[key]
        for shell in family.shells:
            for picked in itertools.product(*(_accepted(p, values) for p in family.parameters.values())):
                parameters = dict(zip(family.parameters, picked, strict=True))
                if family.row(shell, channels, depth, parameters)[1] != row.row.module:
                    break
                yield choose(key, shell, channels, depth, parameters)


def _accepted(declared: Any, values: Sequence[Number]) -> list[Number]:
    return [value for value in values if declared.accepts(value)]


def _same(base: Architecture, changes: dict[int, StageChoice], rows: Sequence[ResolvedRow], last: int) -> bool:
    """Whether these choices give the rows up to the last one of a stage."""
    try:
        return _differing(base.replace(changes).detector(1), rows[: last + 1]) is None
    except ValueError:
        return False


def _differing(detector: Detector, rows: Sequence[ResolvedRow]) -> int | None:
    """The first of these rows that the detector has otherwise, the head aside; None where it has all."""
    for mine, row in zip(detector.resolve(), rows, strict=False):
        if row.row.module.endswith("Detect"):
            break
        if (mine.row.source, built(mine)) != (row.row.source, built(row)):
            return row.index
    return None


def built(row: ResolvedRow) -> tuple[str, tuple[Any, ...], int]:
    """What a row builds, however it is written."""
    return row.row.module, row.row.operator.filled(row.call.arguments), row.call.copies
