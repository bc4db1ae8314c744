"""What has to be said of figures that cannot be trusted as they stand."""

from __future__ import annotations

from nas.files import tables_home
from nas.latency.hints import kit_command, rebuild_command
from nas.latency.table import LatencyTable


def forced_warning(reason: str) -> str:
    """What goes with every latency of a table that was taken by ``--force``; ``reason`` is `LatencyTable.forced`."""
    return f"warning: --force: latencies are of a table that does not fit this device: {reason}"


def noise_warning(table: LatencyTable) -> str:
    """What to say of a table that was measured on too noisy a machine, now or earlier; empty for any other."""
    noise = next((n for n in (table.noise, table.header.noise) if n.too_much), None)
    if noise is None:
        return ""
    path = None if table.path.parent == tables_home() else table.path
    mend = rebuild_command(table.fingerprint, path) if table.here else kit_command(table.fingerprint, "--rebuild")
    return (
        f"warning: the machine was too noisy while {table.path} was measured, its figures cannot be trusted: {noise}; "
        f"stop what else runs there and measure anew: {mend}"
    )
