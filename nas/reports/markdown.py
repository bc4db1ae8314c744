"""Markdown for the notes of a study."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown.

    Args:
        headings: Headings of the columns; a leading ``>`` aligns a column to the right.
        lines: Cells of each row.
    """
    names = [heading.removeprefix(">") for heading in headings]
    rules = ["--:" if heading.startswith(">") else "---" for heading in headings]
    # optuna-dashboard puts no space between columns, so cells begin with one.
    cells = ["| " + " | ".join([line[0], *(f"&emsp;{cell}" for cell in line[1:])]) + " |" for line in (names, *lines)]
    return "\n".join([cells[0], f"|{'|'.join(rules)}|", *cells[1:]]) + "\n"


def millions(macs: float) -> str:
    """A number of multiply-adds in millions."""
    return f"{macs / 1e6:,.1f}&nbsp;M"
