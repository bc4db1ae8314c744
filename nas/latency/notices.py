"""Warnings about latencies that cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterable

from nas.detectors.rows import ResolvedRow
from nas.files import tables_home
from nas.latency.hints import kit_hint, latency_command
from nas.latency.table import LatencyTable
from nas.plurals import counted


def forced_warning(reason: str) -> str:
    """The warning beside latencies of a table that was opened by force; ``reason`` is `LatencyTable.forced`."""
    return f"warning: forced latencies, of a table that does not fit this device: {reason}"


def noise_warning(table: LatencyTable, rows: Iterable[ResolvedRow], *words: str) -> str:
    """The warning about entries that were measured on a noisy machine.

    Args:
        table: The table.
        rows: The rows that are predicted.
        *words: Words of the command that measures them, beside those that name the table: ``build --space mine.yaml``.

    Returns:
        The warning; empty if the machine was quiet enough.
    """
    header = table.header
    if header.noisy is None:
        concerned = f"{table.path} was" if header.noise.too_much else ""
        words = (*words, *(["--rebuild"] if words[:1] == ("build",) else []))
    else:
        count = len(table.noisy(rows)) + sum(mark.startswith("calibration") for mark in header.noisy)
        few = counted(count, "entry of", "entries of")
        concerned = f"{few} {table.path} {'was' if count == 1 else 'were'}" if count else ""
    if not concerned:
        return ""
    if table.measurable:
        path = None if table.path.parent == tables_home() else table.path
        command = latency_command(*words, fingerprint=table.fingerprint, path=path)
        advice = f"measure again: {command}"
    else:
        options = [word for word in words[1:] if word != "--rebuild"]
        advice = kit_hint(table.fingerprint, *options, "--rebuild")
    return (
        f"warning: {concerned} measured while the machine was too noisy, do not trust the figures ({header.noise}); "
        f"stop other programs there and {advice}"
    )
