"""Whether a table fits the machine: a processor's name is no identity."""

from __future__ import annotations

from nas.latency.runtimes.measure import Bench


def misfit(bench: Bench) -> str:
    """What speaks against a table with the bench's nominal reference kernel; empty when it fits here."""
    off = bench.settle(bench.watch(0.3))
    if off is None:
        return ""
    return (
        f"the reference kernel takes {1e3 * off:.3g} ms here and took {1e3 * bench.nominal:.3g} ms when the table was "
        "built: another machine, or a busy one"
    )
