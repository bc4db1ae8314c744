"""Hooks of MkDocs: the options of a search in the API reference, and links to files that are no pages."""

from __future__ import annotations

import re
from typing import Any

from nas.config import GROUPS, SearchConfig, spec_of

MARK = "<!-- options of SearchConfig -->"


OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)([^)#]+)\)")
"""A link to a file of the repository outside of this folder. The site does not contain that file."""
SOURCES = re.compile(r"\[([^\]]+)\]\(([\w-]+\.py)\)")
"""A link to a Python file of this folder."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the mark of a page by a table for each group of options, and dead links by paths."""
    if MARK in markdown:
        markdown = markdown.replace(MARK, "\n".join(map(table, GROUPS)))
    markdown = OUTSIDE.sub(r"\1 (`\2` in the repository)", markdown)
    return SOURCES.sub(r"\1 (`docs/\2` in the repository)", markdown)


def table(group: str) -> str:
    """The options of a group as a Markdown table."""
    lines = [f"**{group}**", "", "| field | default | meaning |", "| --- | --- | --- |"]
    for name, field in SearchConfig.model_fields.items():
        spec = spec_of(field)
        if spec.group == group:
            default = spec.default or f"`{field.default!r}`"
            lines.append(f"| `{name}` | {default} | {(field.description or '').replace('|', chr(92) + '|')} |")
    return "\n".join([*lines, ""])
