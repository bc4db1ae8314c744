"""The installation of this package: the command that adds an extra to it."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nas

NAME = "pareto-yolo"


def install_command(extra: str) -> str:
    """The command that installs an extra into the environment of this process.

    The package is installed from a clone, so the command names the clone: ``.`` if it is the working directory.

    Args:
        extra: An extra of pyproject.toml, such as "onnx".
    """
    clone = _clone()
    options = ["-e"] if _runs_from(clone) else []
    place = "." if clone in {None, Path.cwd()} else str(clone)
    return " ".join([*_pip(), "install", *options, f"'{place}[{extra}]'"])


def install_elsewhere_command() -> str:
    """The command that installs this package into another environment."""
    return shlex.join(["pip", "install", str(_clone() or ".")])


def _pip() -> list[str]:
    """pip of this environment: by its name if the shell finds it, otherwise by its path."""
    found = shutil.which("pip")
    here = found is not None and Path(found).parent == Path(sys.executable).parent
    return ["pip"] if here else [shlex.quote(sys.executable), "-m", "pip"]


def _runs_from(clone: Path | None) -> bool:
    return clone is not None and clone == Path(nas.__file__).parent.parent


def _clone() -> Path | None:
    """The clone that the package runs from, or was installed from; None if it cannot be found."""
    root = Path(nas.__file__).parent.parent
    if (root / "pyproject.toml").is_file():
        return root
    try:
        origin = json.loads(distribution(NAME).read_text("direct_url.json") or "{}").get("url", "")
    except (PackageNotFoundError, ValueError):
        return None
    parts = urlsplit(origin)
    place = Path(unquote(parts.path))
    return place if parts.scheme == "file" and (place / "pyproject.toml").is_file() else None
