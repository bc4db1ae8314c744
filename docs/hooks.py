"""Hook of MkDocs: writes the options of a search into the API reference."""

from __future__ import annotations

from typing import Any

from nas.config import GROUPS, SearchConfig, spec_of

MARK = "<!-- options of SearchConfig -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the mark of a page by a table for each group of options."""
    return markdown.replace(MARK, "\n".join(map(table, GROUPS))) if MARK in markdown else markdown


def table(group: str) -> str:
    """The options of a group as a Markdown table."""
    lines = [f"**{group}**", "", "| field | default | meaning |", "| --- | --- | --- |"]
    for name, field in SearchConfig.model_fields.items():
        spec = spec_of(field)
        if spec.group == group:
            default = spec.default or f"`{field.default!r}`"
            lines.append(f"| `{name}` | {default} | {(field.description or '').replace('|', chr(92) + '|')} |")
    return "\n".join([*lines, ""])
