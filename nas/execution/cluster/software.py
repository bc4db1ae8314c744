"""Software that must be the same on every machine of a cluster, since it decides numbers and messages."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nas
from nas.operators.registry import OPERATORS

Software = dict[str, str]
"""Versions by the name of a package."""


@cache
def software() -> Software:
    """The software of this machine.

    Returns:
        Python (without the patch version), this package with a hash of its source, the user's own operators, torch,
        and the packages that carry jobs.
    """
    root, digest = Path(nas.__file__).parent, hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    found = {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "pareto-yolo": f"{nas.__version__} (source {digest.hexdigest()[:8]})",
    }
    for package in ("torch", "dask", "distributed", "cloudpickle"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found | {name: operator.source for name, operator in OPERATORS.items() if operator.source}


def software_differences(here: Software, there: Software) -> str:
    """The differences as text for a message; empty if there are none."""
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return ", ".join(f"{name} {here.get(name)} here and {there.get(name)} there" for name in names)
