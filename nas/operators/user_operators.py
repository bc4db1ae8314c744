"""Operators of a person's own, from modules outside this package."""

from __future__ import annotations

import hashlib
import inspect
import os
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from nas.errors import InputError
from nas.imports import import_own
from nas.operators.base import KeepingOperator
from nas.operators.family import Family
from nas.operators.registry import FAMILIES, OPERATORS

VARIABLE = "PARETO_YOLO_OPERATORS"
"""The environment's variable that names modules, separated by commas."""
GROUP = "pareto_yolo.operators"
"""The entry points of installed packages that name modules."""


def load_own() -> None:
    """Add operators of a person's own to `OPERATORS` and `FAMILIES`; every process calls it before it reads a space.

    They come from the modules that `VARIABLE` and installed packages (entry points of the group `GROUP`) name, looked
    for in the working directory too: each has ``OPERATORS``, a list of `KeepingOperator`, and may have ``FAMILIES``, a
    list of `Family`. What is there already stays as it is. Raises InputError for a module that cannot be imported or
    declares what no space, YAML or trainer could name.
    """
    for name, given in _named():
        module = import_own(name, given, f"give modules by name, separated by commas, in {VARIABLE}")
        where = f"{given}: {module.__file__}"
        operators, families = _listed(module, "OPERATORS", where), _listed(module, "FAMILIES", where)
        if not operators:
            raise InputError(f"{where} declares no operator; list instances of yours in OPERATORS")
        for operator in operators:
            if not isinstance(operator, KeepingOperator):
                mend = "derive its class from nas.operators.BlockOperator or nas.operators.CSPOperator"
                raise InputError(f"{where}: OPERATORS: {operator!r} does not keep its channels; {mend}")
            if operator.name != (kind := operator.module.__name__):
                raise InputError(f"{where}: OPERATORS: {operator.name} builds a {kind}; give both the same name")
            if OPERATORS.setdefault(operator.name, operator) is not operator:
                raise InputError(f"{where}: OPERATORS: there is another {operator.name} already; give another name")
            operator.source = _digest(operator)
        for family in families:
            if not isinstance(family, Family):
                raise InputError(f"{where}: FAMILIES: {family!r} is no nas.operators.Family; make one")
            _check(family, where)
            if FAMILIES.setdefault(family.key, family) is not family:
                raise InputError(f"{where}: FAMILIES: there is another {family.key} already; give another key")


def _named() -> Iterator[tuple[str, str]]:
    """Modules, and where each was given."""
    for name in filter(None, map(str.strip, os.environ.get(VARIABLE, "").split(","))):
        yield name, f"{VARIABLE}={name}"
    for entry in entry_points(group=GROUP):
        yield entry.value, f"entry point {entry.name} of {entry.dist.name if entry.dist else GROUP}"


def _listed(module: ModuleType, name: str, where: str) -> list[object]:
    found = getattr(module, name, [])
    if not isinstance(found, list | tuple):
        raise InputError(f"{where}: {name} must be a list, not {found!r}")
    return list(found)


def _check(family: Family, where: str) -> None:
    """Refuse what an architecture string could not spell, or a row that is of no operator."""
    where = f"{where}: FAMILIES: {family.key}"
    if not re.fullmatch("[a-z][a-z0-9]*", family.key):
        raise InputError(f"{where}: a key must be small letters and digits, as in architecture strings; rename it")
    letters = [parameter.letter for parameter in family.parameters.values()]
    if len({*letters, "n", "c"}) < len(letters) + 2 or not all(re.fullmatch("[a-z]+", letter) for letter in letters):
        raise InputError(f"{where}: parameters need small letters, each another, and n and c are taken; not {letters}")
    if not family.shells or not set(family.shells) <= {"plain", "csp"}:
        raise InputError(f"{where}: shells must be of plain and csp, not {family.shells}")
    for module in family.modules():
        if module not in OPERATORS:
            raise InputError(f"{where}: a row of it is of {module}, which is no operator; add it to OPERATORS")


def _digest(operator: KeepingOperator) -> str:
    """Of the files that say what an operator is and what it builds."""
    files = {inspect.getfile(kind) for kind in (type(operator), operator.module)}
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in sorted(files))).hexdigest()[:8]
