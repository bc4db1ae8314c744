"""Errors that a person sees: the field, the problem and a hint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


class NasError(Exception):
    """Base class of the errors of this package.

    Within ``problem`` and ``hint``, a name in backticks is a field: "raise it, or choose a smaller `imgsz`". A value
    may follow: "`imgsz=320`". Backticks serve no other purpose there. Python shows a field as it is; the command line
    shows its option, ``--imgsz``.

    Args:
        problem: The fault, in words.
        field: The field that is wrong: of a config, or inside ``file``, such as ``operators.faster.n_div``.
        value: The value of the field, where it helps to repeat it.
        file: The file that is wrong.
        hint: The next step for the user, such as another value or a command.

    Example:
        >>> str(ConfigError("must be 1 or more", field="budget", value=0, hint="raise it"))
        'budget=0: must be 1 or more; raise it'
    """

    def __init__(
        self,
        problem: str,
        *,
        field: str = "",
        value: object = None,
        file: str | Path | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(problem)
        self.problem, self.field, self.value, self.file, self.hint = problem, field, value, file, hint

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.problem, self.field, self.value, self.file, self.hint)

    def __str__(self) -> str:
        return self.text(lambda field, value: field if value is None else f"{field}={value}")

    def text(self, spell: Callable[[str, object], str]) -> str:
        """The whole message on one line.

        Args:
            spell: Writes a field of a config and its value (None: no value); fields inside a file are left alone.

        Returns:
            ``FILE: FIELD: PROBLEM; HINT``, without the parts that are empty.
        """
        subject = [] if self.file is None else [str(self.file)]
        if self.field:
            subject.append(self.field if subject else spell(self.field, self.value))
        parts = (spelled(part, spell) for part in (self.problem, self.hint) if part)
        return ": ".join([*subject, "; ".join(parts)])


class InputError(NasError):
    """Bad input: an option, a file, a name. A command exits with status 2."""


class ConfigError(InputError):
    """An option, a search space, a run directory or a storage cannot be used."""


class DataError(InputError):
    """A data set cannot be used: its data.yaml, images or labels."""


class ModelError(InputError):
    """A detector cannot be built: a model YAML, an architecture string or a user operator is wrong."""


class TableError(InputError):
    """A latency table, a runtime or a measuring kit cannot be used."""


class TransferError(InputError):
    """Weights cannot be used: a checkpoint or a state dict does not fit."""


class SearchError(NasError):
    """The search cannot go on. The run directory keeps the results; resume it. A command exits with status 1."""


def spelled(text: str, spell: Callable[[str, object], str]) -> str:
    """``text`` with every field in backticks written by ``spell``."""
    pieces = text.split("`")
    for index in range(1, len(pieces) - 1, 2):
        name, _, value = pieces[index].partition("=")
        pieces[index] = spell(name, value or None)
    return "".join(pieces)


def _rebuilt(
    kind: type[NasError], problem: str, field: str, value: object, file: str | Path | None, hint: str
) -> NasError:
    """Unpickle an error: exceptions forget their keyword arguments."""
    return kind(problem, field=field, value=value, file=file, hint=hint)
