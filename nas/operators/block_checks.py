"""Checks of a user's block, and the examples that the conformance suite builds of it."""

from __future__ import annotations

import inspect
import re
import sys
from typing import NoReturn

from nas.errors import ModelError
from nas.operators.block import ModuleBlock
from nas.operators.family import Family

CHANNELS = 16
"""Channels of the examples."""


def check_block(block: ModuleBlock, family: Family) -> None:
    """Refuse a block that no row, architecture string or checkpoint could name, and fill in its examples.

    Args:
        block: The block as it was declared.
        family: Its search choices. An empty key stands for none.

    Raises:
        ModelError: The declaration is wrong; ``field`` names the part, such as ``SEBlock.costs``.
    """
    _check_class(block)
    _check_arguments(block, family)
    _check_family(block, family)
    if not block.example:
        block.example = _example(block, family, "plain")
    if not block.csp_example:
        channels, *parameters = _example(block, family, "csp")
        block.csp_example = (channels, 2, *parameters)


def _refuse(block: ModuleBlock, part: str, problem: str, hint: str) -> NoReturn:
    raise ModelError(problem, file=block.file, field=f"{block.name}.{part}" if part else block.name, hint=hint)


def _check_class(block: ModuleBlock) -> None:
    from nas.operators.modules.shell import CSPForm

    if block.module.__qualname__ != block.name:
        hint = "declare it at the top level of the module, under its own name"
        _refuse(block, "", f"is declared as {block.module.__qualname__}, where checkpoints cannot find it", hint)
    held = vars(sys.modules[block.declared_in]).get(block.csp_name)
    if held is not None and not (isinstance(held, type) and issubclass(held, CSPForm)):
        hint = "drop it: registering the block derives that class"
        _refuse(block, "", f"{block.csp_name} stands in the same module", hint)


def _check_arguments(block: ModuleBlock, family: Family) -> None:
    if not callable(getattr(block.module, "costs", None)):
        hint = "add a static method costs(channels, ..., grid) that returns a list of conv_cost(...)"
        _refuse(block, "costs", "is missing", hint)
    names = list(block.signature.parameters)
    if not names or names[1 : 1 + len(family.parameters)] != list(family.parameters):
        problem = f"the constructor takes {names}, and the decorator names the parameters {list(family.parameters)}"
        _refuse(block, "parameters", problem, "name the constructor's arguments after the channels, in their order")
    try:
        inspect.signature(block.costs).bind(*names, grid=(1, 1))
    except TypeError as error:
        hint = f"declare costs({', '.join(names)}, grid)"
        _refuse(block, "costs", f"does not take the constructor's arguments and the grid ({error})", hint)


def _check_family(block: ModuleBlock, family: Family) -> None:
    shells = family.shells
    if not shells or not set(shells) <= {"plain", "csp"}:
        _refuse(block, "shells", f"must be plain, csp or both, not {shells}", "write shells=('plain', 'csp')")
    if not family.key:
        if family.parameters:
            _refuse(block, "key", "is missing, and there are parameters to search", "name the family")
        return
    if not re.fullmatch("[a-z][a-z0-9]*", family.key):
        hint = "architecture strings hold the key; rename it"
        _refuse(block, "key", f"must be small letters and digits, not {family.key!r}", hint)
    letters = [parameter.letter for parameter in family.parameters.values()]
    if len({*letters, "n", "c"}) < len(letters) + 2 or not all(re.fullmatch("[a-z]+", letter) for letter in letters):
        hint = "give each parameter small letters of its own; n and c are taken"
        _refuse(block, "parameters", f"has the letters {letters}", hint)


def _example(block: ModuleBlock, family: Family, shell: str) -> tuple[object, ...]:
    """Row arguments of the block: the constructor's defaults, or the lowest values, as the inner widths allow."""
    declared = block.signature.parameters
    defaults = {
        name: parameter.low if declared[name].default is inspect.Parameter.empty else declared[name].default
        for name, parameter in family.parameters.items()
    }
    return CHANNELS, *family.canonical(shell, CHANNELS, defaults).values()
