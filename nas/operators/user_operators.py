"""User operators: modules outside of this package that register operators when they are imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from nas.errors import ModelError
from nas.imports import import_own
from nas.operators.registry import OPERATORS

VARIABLE = "PARETO_YOLO_OPERATORS"
"""Environment variable that names modules, separated by commas."""
GROUP = "pareto_yolo.operators"
"""Entry point group of installed packages that name modules."""
OWN_HINT = f"for an operator of your own, set {VARIABLE} to its module"
"""Hint of an error about an unknown operator."""


def load_own() -> None:
    """Import the modules of user operators; each registers its operators with `nas.operators.register`.

    The environment variable `VARIABLE` and the entry points of `GROUP` name the modules. They are looked up in the
    working directory, too. Every process calls this before it reads a space. A second call changes nothing.

    Raises:
        InputError: A module cannot be imported.
        ModelError: A module registers no operator, or a wrong one.
    """
    for name, given in _named():
        module = import_own(name, given, _naming_hint(name))
        if not _registers(module):
            old = hasattr(module, "OPERATORS")
            problem = "lists OPERATORS, which are no longer read" if old else "registers no operator"
            hint = "decorate the torch module with nas.operators.register, see docs/own-operator.md"
            raise ModelError(problem, file=f"{given}: {module.__file__}", hint=hint)


def _naming_hint(name: str) -> str:
    path = Path(name)
    if path.suffix != ".py" and len(path.parts) == 1:
        return f"give modules by name, separated by commas, in {VARIABLE}"
    return f"give the module's name, {path.stem}, and call the command in its folder, or add the folder to PYTHONPATH"


def _named() -> Iterator[tuple[str, str]]:
    """Names of modules, each with the place that names it."""
    for name in filter(None, map(str.strip, os.environ.get(VARIABLE, "").split(","))):
        yield name, f"{VARIABLE}={name}"
    for entry in entry_points(group=GROUP):
        yield entry.value, f"entry point {entry.name} of {entry.dist.name if entry.dist else GROUP}"


def _registers(module: ModuleType) -> bool:
    """Return True if the module, one inside it, or one whose class it imports, has registered an operator."""
    owners = {getattr(value, "__module__", "") for value in vars(module).values() if isinstance(value, type)}
    owners.add(module.__name__)
    user = {operator.declared_in for operator in OPERATORS.values() if operator.source}
    return any(name in owners or name.startswith(f"{module.__name__}.") for name in user)
