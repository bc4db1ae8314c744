"""Which tables there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nas.files import shipped, tables_home
from nas.tables._store import DamagedError, Entries, Header, load


class Listed(NamedTuple):
    """A table's file and what is in it, or else why it cannot be read."""

    path: Path
    shipped: bool
    held: tuple[Header, Entries] | None
    damaged: str


def list_tables() -> Iterator[Listed]:
    """Those of the user's folder, then those that are shipped."""
    for folder, ships in ((tables_home(), False), (shipped("latency_tables"), True)):
        for path in sorted(folder.glob("*.csv")):
            try:
                yield Listed(path, ships, load(path), "")
            except DamagedError as error:
                yield Listed(path, ships, None, str(error))
