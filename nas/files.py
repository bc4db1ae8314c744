"""Files: the data that ships with the package, the user's folders, and safe reading and writing."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from nas.errors import InputError

STALE = 3600.0
"""Age in seconds after which a temporary file counts as left behind by a process that was killed."""


def shipped(folder: str) -> Path:
    """The folder ``search_spaces`` or ``latency_tables``: inside the installed package, or in the clone beside it."""
    package = Path(__file__).parent
    installed = package / folder
    return installed if installed.is_dir() else package.parent / folder


def tables_home() -> Path:
    """The user's folder of latency tables. ``PARETO_YOLO_HOME`` replaces the folder above it."""
    return (_custom_home() or _platform_home("data")) / "latency_tables"


def scores_home() -> Path:
    """The user's folder of cached scores. ``PARETO_YOLO_HOME`` replaces the folder above it."""
    custom = _custom_home()
    return (custom / "cache" if custom else _platform_home("cache")) / "scores"


def data_home() -> Path:
    """The user's folder of data.yaml files of trainings. ``PARETO_YOLO_HOME`` replaces the folder above it."""
    return (_custom_home() or _platform_home("data")) / "data_yaml"


def _custom_home() -> Path | None:
    home = os.environ.get("PARETO_YOLO_HOME")
    return Path(home) if home else None


def _platform_home(kind: str) -> Path:
    import platformdirs  # rarely needed

    return platformdirs.user_data_path("pareto-yolo") if kind == "data" else platformdirs.user_cache_path("pareto-yolo")


def read_yaml(path: Path, kind: str, keys: str, error: type[InputError], errors: str = "strict") -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Args:
        path: The file.
        kind: The kind of file, for messages: "model YAML".
        keys: The keys that it needs, for messages.
        error: The class of error to raise.
        errors: "ignore" passes over bytes that are not UTF-8, as Ultralytics does.

    Raises:
        InputError: Of that class, if the file is missing, is no YAML or holds no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8", errors=errors))
    except FileNotFoundError:
        found = similar_paths(path)
        hint = f"did you mean {' or '.join(found[:3])}?" if found else f"give the path of a {kind}"
        raise error("no such file", file=path, hint=hint) from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as problem:
        raise error(f"not a YAML file: {' '.join(str(problem).split())}", file=path) from None
    if not isinstance(content, dict):
        raise error(f"not a {kind}", file=path, hint=f"expected the keys {keys}")
    return content


def similar_paths(path: Path) -> list[str]:
    """Paths that someone may have meant who named a file or a folder that does not exist, the most similar first.

    Args:
        path: The path. The folder that should contain it and ``runs`` are looked through.
    """
    folders = [folder for folder in (path.parent, Path("runs")) if folder.is_dir()]
    known = [found for folder in folders for found in folder.iterdir() if not found.name.startswith(".")]
    names = {str(found): found.stem for found in known if found.is_dir() or found.suffix == path.suffix}
    close = get_close_matches(path.stem, names.values())
    return sorted((name for name, own in names.items() if own in close), key=lambda name: close.index(names[name]))


def write(path: Path, text: str) -> None:
    """Write a text file completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` to write to.

    At the end of the block it is synced to the disk and takes the name ``path``. If the block fails, it is removed.
    Temporary files of processes that were killed are removed too, once they are older than `STALE`.

    Args:
        path: The file to write or replace; its folder is made.

    Yields:
        The temporary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > STALE:
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
