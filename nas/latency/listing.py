"""Which tables there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.files import shipped, tables_home
from nas.latency.store import DamagedError, Entries, Header, load

FACTS = ("device", "cpu", "gpu", "runtime", "version", "threads", "precision")
"""What the list tells of what a table is of."""

CARD = {"within_5pct": "within 5 %", "mean_error": "mean error"}
"""What the list tells of a report card, as text."""


@dataclass(frozen=True)
class Listed:
    """A table's file and what is in it, or else why it cannot be read: ``held`` is None where ``damaged`` says so."""

    path: Path
    shipped: bool
    held: tuple[Header, Entries] | None
    damaged: str = ""

    def fits(self, device: str | None, runtime: str | None, threads: int | None, imgsz: int | None) -> bool:
        """Whether it is of these, None being any, and predicts at this size in pixels."""
        if self.held is None:
            return False
        header, _ = self.held
        wanted = {"device": device, "runtime": runtime, "threads": threads}
        of_these = all(value in {None, header.identity.get(name)} for name, value in wanted.items())
        return of_these and (imgsz is None or str(imgsz) in header.calibrations)

    def facts(self) -> dict[str, Any]:
        """What stands in the JSON of the list; a damaged table has nothing but its path and its damage."""
        facts: dict[str, Any] = {"path": str(self.path), "shipped": self.shipped, "damaged": self.damaged}
        if self.held is None:
            return facts
        header, entries = self.held
        return {
            **facts,
            **{name: header.identity.get(name) for name in FACTS},
            "sizes": header.sizes,
            "entries": len(entries),
            "date": header.date,
            "noise": {**header.noise._asdict(), "too_much": header.noise.too_much},
            "cards": header.cards,
        }

    def lines(self) -> Iterator[str]:
        """As text: where it lies, what it is of, what is in it, how well it predicts."""
        yield f"{self.path}{' (shipped)' if self.shipped else ''}"
        if self.held is None:
            yield f"  damaged: {self.damaged}"
            return
        header, entries = self.held
        of, noise = header.identity, header.noise
        runtime = f"{of['runtime']} {of['version']}, {of['threads']} thread(s), {of['precision']}"
        yield f"  {of['device']} ({of.get('gpu') or of.get('cpu')}), {runtime}"
        sizes = ", ".join(map(str, header.sizes)) or "no size yet"
        loud = "; TOO NOISY to be trusted" if noise.too_much else ""
        yield f"  {len(entries)} entries, {sizes} px, {header.date}; {noise}{loud}"
        for size, card in header.cards.items():
            figures = ", ".join(f"{card[name]:.1%} {what}" for name, what in CARD.items() if name in card)
            yield f"  report card at {size} px: {figures}"
        if not header.cards:
            yield "  no report card yet; python -m nas.latency check makes one"


def list_tables() -> Iterator[Listed]:
    """Those of the user's folder, then those that are shipped."""
    for folder, ships in ((tables_home(), False), (shipped("latency_tables"), True)):
        for path in sorted(folder.glob("*.csv")):
            try:
                yield Listed(path, ships, load(path))
            except DamagedError as error:
                yield Listed(path, ships, None, str(error))
