"""Registration of operators: `register` fills `OPERATORS` and `FAMILIES`.

Code that reads the two imports them from `nas.operators.registry`, which imports every built-in declaration first.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from nas.errors import ModelError
from nas.operators.base import MODULES, Operator
from nas.operators.block import BlockOperator, CSPOperator, ModuleBlock
from nas.operators.block_checks import check_block
from nas.operators.family import Family, Parameter, WriteRow, block_row, one_width

OPERATORS: dict[str, Operator] = {}
"""Row kinds by the module string of the YAML."""
FAMILIES: dict[str, Family] = {}
"""Searchable operator families by their key in space files and architecture strings."""

SHELLS = ("plain", "csp")
BUILT_IN = "nas.operators."

Declared = TypeVar("Declared")


def register(
    *,
    key: str = "",
    title: str = "",
    shells: Sequence[str] = SHELLS,
    entry_divisor: str = "",
    only_size: bool = False,
    **parameters: Parameter,
) -> Callable[[type[Declared]], type[Declared]]:
    """Class decorator that registers an operator.

    It decorates a torch module that keeps its channels. The first argument of the constructor is ``channels``; a
    static method ``costs(channels, ..., grid)`` takes the same arguments and the height and width of the map, and
    returns a `Cost` for each convolution and matrix product. The row kind has the name of the class. With the shell
    "csp" a second kind is derived, "CSP" and that name: the shell of C2f round n blocks at half the channels.

    A built-in operator decorates its declaration instead, a subclass of `Operator` that does not import torch.

    Args:
        key: Name in space files and architecture strings, of small letters and digits. Without a key the operator is a
            row kind that no space can choose.
        title: Name in reports. Default: the key.
        shells: Shells that a space may choose: "plain", "csp" or both.
        entry_divisor: See `Family`.
        only_size: The operator saves nothing but bytes of weights. It is searched only under a limit on them.
        parameters: Search choices by the name of the constructor's argument, in its order.

    Returns:
        The decorator. It returns the class unchanged.

    Raises:
        ModelError: The declaration is incomplete, or its name or key is taken.

    Example:
        >>> @register(key="se", title="SE block", reduction=Parameter("r", 1, 16, divisor=True))  # doctest: +SKIP
        ... class SEBlock(nn.Module): ...
    """

    def decorate(declared: type[Declared]) -> type[Declared]:
        operator = _operator(declared)
        family = Family(
            key=key,
            title=title or key,
            shells=tuple(shells),
            parameters=parameters,
            row=_row_writer(operator),
            widths=getattr(operator, "widths", one_width),
            neck_row=getattr(operator, "neck_row", None),
            entry_divisor=entry_divisor,
            only_size=only_size,
            declared_in=operator.declared_in,
        )
        operators = _forms(operator, family)
        add(*operators, family=family if key else None)
        if isinstance(operator, ModuleBlock):
            for form in operators:
                form.module  # noqa: B018  derives the class now, in case the module has a __getattr__ of its own
        return declared

    return decorate


def _forms(operator: Operator, family: Family) -> list[Operator]:
    """Row kinds of a declared operator: a block has one for each shell."""
    if not isinstance(operator, BlockOperator):
        return [operator]
    if isinstance(operator, ModuleBlock):
        check_block(operator, family)
    forms = {"plain": operator, "csp": CSPOperator(operator)}
    return [form for shell, form in forms.items() if shell in family.shells]


def add(*operators: Operator, family: Family | None = None) -> None:
    """Register row kinds and their family.

    Args:
        operators: Row kinds of one declaration.
        family: The family that writes their rows, or None.

    Raises:
        ModelError: Another module has registered the same name or key.
    """
    for operator in operators:
        held = OPERATORS.get(operator.name)
        if held is not None and held.declared_in != operator.declared_in:
            problem = f"{held.declared_in} registers a row kind of that name already"
            raise ModelError(problem, file=operator.file, field=operator.name, hint="rename the class")
    if family is not None:
        other = FAMILIES.get(family.key)
        if other is not None and other.declared_in != family.declared_in:
            problem, file = f"{other.declared_in} registers that key already", operators[0].file
            raise ModelError(problem, file=file, field=f"{operators[0].name}.key", value=family.key, hint="rename it")
        FAMILIES[family.key] = family
    for operator in operators:
        OPERATORS[operator.name] = operator
        serve_classes(operator.declared_in)


def serve_classes(declaration: str) -> None:
    """Let attribute look-ups of a declaration's module find torch modules: derived classes, and those of `MODULES`.

    Checkpoints name derived classes, and checkpoints of earlier versions all classes, by the declaration's module.

    Args:
        declaration: Name of the Python module, such as ``nas.operators.star``.
    """
    if declaration in sys.modules:
        vars(sys.modules[declaration]).setdefault("__getattr__", partial(_class_of, declaration))


def _class_of(declaration: str, name: str) -> Any:
    for operator in OPERATORS.values():
        if (operator.declared_in, operator.class_name) == (declaration, name):
            return operator.module
    if declaration.startswith(BUILT_IN) and not name.startswith("_"):
        modules = importlib.import_module(f"{MODULES}.{declaration.removeprefix(BUILT_IN)}")
        if hasattr(modules, name):
            return getattr(modules, name)
    raise AttributeError(f"module {declaration!r} has no attribute {name!r}")


def _operator(declared: type) -> Operator:
    if issubclass(declared, Operator) and declared.__module__.startswith(BUILT_IN):
        return declared()
    torch = sys.modules.get("torch")
    if torch is None or not issubclass(declared, torch.nn.Module):
        problem, hint = "must be a subclass of torch.nn.Module", "decorate the module itself with nas.register"
        raise ModelError(problem, field=f"{declared.__module__}.{declared.__qualname__}", hint=hint)
    return ModuleBlock(declared)


def _row_writer(operator: Operator) -> WriteRow:
    if isinstance(operator, BlockOperator):
        return block_row(operator.name, operator.csp_name)
    written: WriteRow = getattr(operator, "row", block_row(operator.name, ""))
    return written
