"""The latency table that a run used: the figures that the run recorded, and the table itself if it still exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import NasError
from nas.files import shipped
from nas.plurals import counted
from nas.reports.run_data import RunData

if TYPE_CHECKING:
    import pandas as pd

    from nas.latency.runtimes.measure import Noise
    from nas.latency.table import LatencyTable


@dataclass(frozen=True)
class UsedTable:
    """Header of the table as the run recorded it.

    Attributes:
        path: Path of the table.
        identity: Fingerprint of the table.
        date: Day of the measurement.
        reference_ms: Duration of the reference kernel.
        overhead_ms: Duration of a call that does nothing.
        calibrations: By image size, ``factor`` between a model and the sum of its rows, the number ``n`` of models that
            it was fitted on, and ``worst``, the largest relative error among them.
        cards: By image size, figures of the report card.
        quiet: Share of the samples that were taken while the machine was quiet.
        steal: Share of the time that the host stole; None if the system does not report it.
        noisy: Marks of the entries that the run used and that were measured while the machine was too noisy; None if
            an earlier release did not record them.
    """

    path: Path
    identity: Mapping[str, str | int]
    date: str
    reference_ms: float
    overhead_ms: float
    calibrations: Mapping[str, Mapping[str, float]]
    cards: Mapping[str, Mapping[str, float]]
    quiet: float
    steal: float | None
    noisy: Sequence[str] | None

    @property
    def too_noisy(self) -> str:
        """The entries that were measured while the machine was too noisy, in words; empty if there are none."""
        if self.noisy is None:
            return "the latency table was" if self.noise.too_much else ""
        some = counted(len(self.noisy), "entry", "entries")
        return f"{some} of the latency table {'was' if len(self.noisy) == 1 else 'were'}" if self.noisy else ""

    @property
    def noise(self) -> Noise:
        """Noise of the machine during the measurement."""
        from nas.latency.runtimes.measure import Noise

        return Noise(self.quiet, self.steal)


def used_table(data: RunData) -> UsedTable:
    """The header that the run recorded."""
    snapshot = data.result.table
    header: dict[str, Any] = snapshot.header
    names = [name for name in UsedTable.__dataclass_fields__ if name not in {"path", "noisy"}]
    return UsedTable(path=Path(snapshot.path), noisy=header.get("noisy"), **{name: header[name] for name in names})


def find_table(data: RunData) -> LatencyTable | None:
    """The run's table, if it still exists and was not measured again since."""
    from nas.latency.opening import read_table

    used = used_table(data)
    for path in (used.path, shipped("latency_tables") / used.path.name):
        if path.is_file():
            try:
                found = read_table(path)
            except NasError:
                return None
            same = all(
                getattr(found.header, name) == getattr(used, name)
                for name in ("identity", "reference_ms", "overhead_ms")
            )
            return found if same else None
    return None


def cards(data: RunData) -> dict[str, Mapping[str, float]]:
    """Figures of the table's report card by image size. A check after the run replaces those that the run recorded."""
    table, recorded = find_table(data), used_table(data).cards
    found = {**recorded, **(table.header.cards if table is not None else {})}
    return {size: card for size, card in found.items() if int(size) in data.config.imgsz}


def card_frame(card: Mapping[str, float]) -> pd.DataFrame:
    """The figures of a report card. A second measurement in place of the prediction is the best that is possible."""
    import pandas as pd

    from nas.reports.report_card import FIGURES, figure_text

    columns = ("", "retest_")
    rows = [
        (title, *(figure_text(name, card.get(f"{prefix}{name}")) for prefix in columns))
        for name, title in FIGURES.items()
    ]
    return pd.DataFrame(rows, columns=["figure", "predicted", "measured twice"])


def calibrations(data: RunData) -> pd.DataFrame:
    """By image size, the latency of a model in relation to the sum of its rows, and the error of this fit."""
    import pandas as pd

    recorded = used_table(data).calibrations
    rows = [{"px": int(size), **fit} for size, fit in recorded.items() if int(size) in data.config.imgsz]
    frame = pd.DataFrame(rows, columns=["px", "factor", "n", "worst"])
    return frame.rename(columns={"n": "fitted on", "worst": "largest error"})
