"""What speaks against a table, and the command that mends it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path


def differences(held: Mapping[str, object], here: Mapping[str, object]) -> str:
    """How the identity of a table differs from the one asked for; empty when it does not."""
    names = dict.fromkeys((*here, *held))
    other = [f"{n} is {held.get(n)!r} there and {here.get(n)!r} here" for n in names if held.get(n) != here.get(n)]
    return f"of another device or runtime: {'; '.join(other)}" if other else ""


def latency_command(*words: str, of: Mapping[str, object], path: Path | None = None) -> str:
    """``python -m nas.latency`` with these words and the options that name the table of an identity, as far as that is
    known; ``path`` where it does not lie in the user's folder."""
    named = [name for name in ("device", "runtime", "threads") if of.get(name, "auto") != "auto"]
    options = [word for name in named for word in (f"--{name}", str(of[name]))]
    if of.get("precision", "float32") != "float32":
        options += ["--precision", str(of["precision"])]
    if path is not None:
        options += ["--table", str(path)]
    return shlex.join(["python", "-m", "nas.latency", *words, *options])


def rebuild_command(identity: Mapping[str, object], path: Path | None) -> str:
    """The command that measures a table anew; ``path`` where it does not lie in the user's folder."""
    return latency_command("build", "--rebuild", of=identity, path=path)


def kit_command(of: Mapping[str, object], *words: str) -> str:
    """What to do where something has to be measured on a device that is not here: a kit for the table of this identity,
    as far as that is known, with these words."""
    command = " ".join([latency_command("bundle", "DIR", of={**of, "precision": "float32"}), *map(shlex.quote, words)])
    return f"make a measuring kit with {command}, run it there, and bring it home with python -m nas.latency import DIR"
