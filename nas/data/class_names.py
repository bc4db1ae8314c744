"""The classes of a data.yaml: `names` as a list or a mapping, `nc`, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.errors import DataError


def read_classes(file: Path, content: dict[str, Any]) -> tuple[str, ...]:
    """The class names of a data.yaml. Without `names` they are class_0, class_1, ...; other values become text.

    Args:
        file: The file, for messages.
        content: The mapping in it.

    Raises:
        DataError: If neither gives a class, or they contradict each other.
    """
    nc, names = _number(file, content), content.get("names")
    if names is None:
        if nc is None:
            hint = "add a line such as 'names: [cat, dog]'"
            raise DataError("missing", file=file, field="names", hint=hint)
        return tuple(f"class_{index}" for index in range(nc))
    if isinstance(names, dict):
        names = _numbered(file, names)
    if not isinstance(names, list):
        raise DataError("is not a list of names", file=file, field="names", hint="write it as 'names: [cat, dog]'")
    if not names:
        hint = "add a line such as 'names: [cat, dog]'"
        raise DataError("lists no class", file=file, field="names", hint=hint)
    if nc not in {None, len(names)}:
        problem = f"is {nc} but 'names' has {len(names)}"
        raise DataError(problem, file=file, field="nc", hint="correct one, or leave 'nc' out")
    return tuple(map(str, names))


def _number(file: Path, content: dict[str, Any]) -> int | None:
    """`nc`; None if the file does not give it."""
    if "nc" not in content:
        return None
    given = content["nc"]
    try:
        nc = int(given)
    except (TypeError, ValueError):
        hint = "give the number of classes, or leave 'nc' out beside 'names'"
        raise DataError(f"is not a number but {given!r}", file=file, field="nc", hint=hint) from None
    if nc < 1:
        raise DataError(f"is {nc}", file=file, field="nc", hint="give at least one class")
    return nc


def _numbered(file: Path, names: dict[Any, Any]) -> list[Any]:
    """The values of a mapping from 0, 1, 2, ... in order."""
    hint = "number the classes 0, 1, 2, ..."
    try:
        numbered = {int(key): name for key, name in names.items()}
    except (TypeError, ValueError):
        raise DataError("has a key that is not a number", file=file, field="names", hint=hint) from None
    if gaps := set(range(len(names))) - set(numbered):
        raise DataError(f"has {len(names)} classes but no {min(gaps)}", file=file, field="names", hint=hint)
    return [numbered[i] for i in range(len(numbered))]
