"""Hints of latency errors: the commands that build a table, measure it anew, or make a measuring kit."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.spaces.space import Space


def differences(held: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """Compare two fingerprints.

    Args:
        held: The table's fingerprint.
        wanted: The fingerprint on this machine.

    Returns:
        The fields that differ, in words; empty if none does.
    """
    names = dict.fromkeys((*wanted, *held))
    other = [f"{n} is {held.get(n)!r} there and {wanted.get(n)!r} here" for n in names if held.get(n) != wanted.get(n)]
    return f"of another device or runtime: {'; '.join(other)}" if other else ""


def latency_command(*words: str, fingerprint: Mapping[str, object], path: Path | None = None) -> str:
    """A ``python -m nas.latency`` command with the options of a table.

    Args:
        words: The words of the command.
        fingerprint: The table's fingerprint, or the known part of it.
        path: The table's file, if it is not in the user's folder.
    """
    named = [name for name in ("device", "runtime", "threads") if fingerprint.get(name, "auto") != "auto"]
    options = [word for name in named for word in (f"--{name}", str(fingerprint[name]))]
    if fingerprint.get("precision", "float32") != "float32":
        options += ["--precision", str(fingerprint["precision"])]
    if path is not None:
        options += ["--table", str(path)]
    return shlex.join(["python", "-m", "nas.latency", *words, *options])


def command_words(spaces: Iterable[Space], sizes: Iterable[int], nc: int) -> list[str]:
    """The words of ``build`` with everything that decides which rows it measures."""
    words = [word for space in spaces for word in ("--space", space.source)]
    words += [word for size in sizes for word in ("--imgsz", str(size))]
    return ["build", *words, "--nc", str(nc)]


def rebuild_hint(fingerprint: Mapping[str, object], path: Path | None) -> str:
    """The advice to measure a table anew; ``path`` if it is not in the user's folder."""
    return f"measure anew: {latency_command('build', '--rebuild', fingerprint=fingerprint, path=path)}"


def kit_hint(fingerprint: Mapping[str, object], *words: str) -> str:
    """The advice to measure on a device that is not this machine.

    Args:
        fingerprint: Fingerprint of the device's table, or the known part of it.
        words: Further words of the command that makes the kit.
    """
    command = latency_command("bundle", "DIR", fingerprint={**fingerprint, "precision": "float32"})
    bundle = " ".join([command, *map(shlex.quote, words)])
    return f"make a measuring kit with {bundle}, run it there, and import it with python -m nas.latency import DIR"
