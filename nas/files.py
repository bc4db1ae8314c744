"""Files: where the data that ships with the package lies, and how a file is written."""

from __future__ import annotations

import os
from pathlib import Path


def shipped(folder: str) -> Path:
    """The folder ``search_spaces`` or ``latency_tables``: inside the installed package, or in the clone beside it."""
    package = Path(__file__).parent
    installed = package / folder
    return installed if installed.is_dir() else package.parent / folder


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all: to a temporary file beside it, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
