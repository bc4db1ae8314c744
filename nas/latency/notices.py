"""Warnings about latencies that cannot be trusted."""

from __future__ import annotations

from nas.files import tables_home
from nas.latency.hints import kit_hint, rebuild_hint
from nas.latency.runtimes.measure import Noise
from nas.latency.table import LatencyTable


def forced_warning(reason: str) -> str:
    """The warning beside latencies of a table that was opened by force; ``reason`` is `LatencyTable.forced`."""
    return f"warning: forced latencies, of a table that does not fit this device: {reason}"


def noise_warning(table: LatencyTable, session: Noise | None = None) -> str:
    """The warning about a table that was measured on a noisy machine.

    Args:
        table: The table.
        session: Noise while something was measured for it just now.

    Returns:
        The warning; empty if the machine was quiet enough.
    """
    noise = next((n for n in (session, table.header.noise) if n is not None and n.too_much), None)
    if noise is None:
        return ""
    path = None if table.path.parent == tables_home() else table.path
    fingerprint = table.fingerprint
    hint = rebuild_hint(fingerprint, path) if table.measurable else kit_hint(fingerprint, "--rebuild")
    return (
        f"warning: the machine was too noisy while {table.path} was measured, its figures cannot be trusted: {noise}; "
        f"stop other programs there and {hint}"
    )
