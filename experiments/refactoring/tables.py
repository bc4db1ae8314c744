"""Tables of text, and their differences."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """Rows of text. Numbers have all their digits.

    Attributes:
        fields: Names of the columns.
        rows: The rows.
    """

    fields: tuple[str, ...]
    rows: list[tuple[str, ...]]

    @staticmethod
    def of(fields: tuple[str, ...], rows: Iterable[Sequence[object]]) -> Table:
        """A table of any values; None becomes empty."""
        return Table(fields, [tuple("" if value is None else str(value) for value in row) for row in rows])

    @staticmethod
    def read(file: Path) -> Table:
        """Read a CSV file."""
        with file.open(newline="") as text:
            fields, *rows = csv.reader(text)
        return Table(tuple(fields), [tuple(row) for row in rows])

    def write(self, file: Path) -> None:
        """Write a CSV file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", newline="") as text:
            csv.writer(text, lineterminator="\n").writerows([self.fields, *self.rows])


def differences(before: Table, after: Table) -> list[str]:
    """The rows that differ, in words. Cells are compared as text, so numbers must agree in all digits."""
    if before.fields != after.fields:
        return [f"columns: {', '.join(before.fields)} before, {', '.join(after.fields)} after"]
    found = []
    for index in range(max(len(before.rows), len(after.rows))):
        one, other = (table.rows[index] if index < len(table.rows) else () for table in (before, after))
        if one and other:
            cells = zip(before.fields, one, other, strict=True)
            words = [f"{field} {a or 'empty'} before, {b or 'empty'} after" for field, a, b in cells if a != b]
        else:
            words = [f"missing {'after' if one else 'before'}"] if one or other else []
        if words:
            found.append(f"row {index + 1}: {'; '.join(words)}")
    return found
