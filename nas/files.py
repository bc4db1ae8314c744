"""Files: where the data that ships with the package lies, and how a file is written."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from nas.errors import InputError

LEFT = 3600.0
"""Seconds after which a temporary file counts as left behind by a process that was killed."""


def shipped(folder: str) -> Path:
    """The folder ``search_spaces`` or ``latency_tables``: inside the installed package, or in the clone beside it."""
    package = Path(__file__).parent
    installed = package / folder
    return installed if installed.is_dir() else package.parent / folder


def tables_home() -> Path:
    """The user's folder of latency tables; ``PARETO_YOLO_HOME`` moves the folder above it."""
    return (_moved() or platformdirs.user_data_path("pareto-yolo")) / "latency_tables"


def scores_home() -> Path:
    """The user's folder of cached scores; ``PARETO_YOLO_HOME`` moves the folder above it."""
    moved = _moved()
    return (moved / "cache" if moved else platformdirs.user_cache_path("pareto-yolo")) / "scores"


def _moved() -> Path | None:
    home = os.environ.get("PARETO_YOLO_HOME")
    return Path(home) if home else None


def read_yaml(path: Path, what: str, keys: str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises InputError, naming the file and the mend, for anything else; ``what`` the file
    is to be and the ``keys`` it needs are said there."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give the path of a {what}") from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a {what}; expected the keys {keys}")
    return content


def write(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` to write to; it takes the name when it is whole and on the disk, at the end of
    the block, and is removed where that fails. What a process that was killed has left there is removed too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > LEFT:
                left.unlink()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # or a power cut leaves the name and nothing in it
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
