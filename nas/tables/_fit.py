"""Whether a table fits the machine: a processor's name is no identity."""

from __future__ import annotations

from nas.runtimes.measure import Bench

DRIFT = 1.5
"""How far the reference kernel may be off, either way. Slow windows of a shared machine reach 2, but pass."""
TRIES = 10
SECONDS = 2.0
"""A machine gets this many tries of this many seconds to be quiet; the first that fits ends it."""


def misfit(bench: Bench) -> str:
    """What speaks against a table with the bench's nominal reference kernel; empty when it fits here."""
    here = bench.watch(0.3)
    for _ in range(TRIES):
        if bench.nominal / DRIFT <= here <= bench.nominal * DRIFT:
            return ""
        here = bench.watch(SECONDS)
    return (
        f"the reference kernel takes {1e3 * here:.3g} ms here and took {1e3 * bench.nominal:.3g} ms when the table was "
        "built: another machine, or a busy one"
    )
