"""List of the latency tables in the user's folder and of the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.files import shipped, tables_home
from nas.latency.errors import DamagedTableError
from nas.latency.header import Header
from nas.latency.store import Entries, load
from nas.plurals import counted

FACTS = ("device", "cpu", "gpu", "runtime", "version", "threads", "precision")
"""Fields of the fingerprint in the list."""

CARD = {"within_5pct": "within 5 %", "mean_error": "mean error"}
"""Figures of a report card in the list, with their labels."""


@dataclass(frozen=True)
class ListedTable:
    """A table in the list.

    Attributes:
        path: The CSV.
        shipped: True if it ships with the package.
        contents: Header and entries; None if the table is damaged.
        damaged: The damage, in words; empty if there is none.
    """

    path: Path
    shipped: bool
    contents: tuple[Header, Entries] | None
    damaged: str = ""

    def fits(self, device: str | None, runtime: str | None, threads: int | None, imgsz: int | None) -> bool:
        """Return True if the table has these properties; None stands for any."""
        if self.contents is None:
            return False
        header, _ = self.contents
        wanted = {"device": device, "runtime": runtime, "threads": threads}
        same = all(value in {None, header.identity.get(name)} for name, value in wanted.items())
        return same and (imgsz is None or str(imgsz) in header.calibrations)

    def facts(self) -> dict[str, Any]:
        """Plain values for JSON. A damaged table has only its path and its damage."""
        facts: dict[str, Any] = {"path": str(self.path), "shipped": self.shipped, "damaged": self.damaged}
        if self.contents is None:
            return facts
        header, entries = self.contents
        return {
            **facts,
            **{name: header.identity.get(name) for name in FACTS},
            "sizes": header.sizes,
            "entries": len(entries),
            "date": header.date,
            "noise": {**header.noise._asdict(), "too_much": header.too_noisy},
            "cards": header.cards,
        }

    def lines(self) -> Iterator[str]:
        """Lines for a person: file, device, contents, report cards."""
        yield f"{self.path}{' (shipped)' if self.shipped else ''}"
        if self.contents is None:
            yield f"  damaged: {self.damaged}"
            return
        header, entries = self.contents
        held, noise = header.identity, header.noise
        runtime = f"{held['runtime']} {held['version']}, {counted(int(held['threads']), 'thread')}, {held['precision']}"
        yield f"  {held['device']} ({held.get('gpu') or held.get('cpu')}), {runtime}"
        sizes = ", ".join(map(str, header.sizes)) or "no size yet"
        loud = ""
        if header.too_noisy:
            some = "" if header.noisy is None else f" for {counted(len(header.noisy), 'entry', 'entries')}"
            loud = f"; TOO NOISY{some} to be trusted"
        yield f"  {counted(len(entries), 'entry', 'entries')}, {sizes} px, {header.date}; {noise}{loud}"
        for size, card in header.cards.items():
            figures = ", ".join(f"{card[name]:.1%} {label}" for name, label in CARD.items() if name in card)
            yield f"  report card at {size} px: {figures}"
        if not header.cards:
            yield "  no report card yet; python -m nas.latency check makes one"


def list_tables() -> Iterator[ListedTable]:
    """All tables: those in the user's folder first, then the shipped ones."""
    for folder, ships in ((tables_home(), False), (shipped("latency_tables"), True)):
        for path in sorted(folder.glob("*.csv")):
            try:
                yield ListedTable(path, ships, load(path))
            except DamagedTableError as error:
                yield ListedTable(path, ships, None, str(error))
